//! Sanitises any text for a terminal. No character may remain that controls the terminal, reverses or hides text, or
//! stacks without limit.
//!
//!     cargo +nightly fuzz run sanitise
//!
//! The invariants are checked by a function of the crate, which property tests call too.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::domain::text::oracle::check(&String::from_utf8_lossy(input)) {
        panic!("{why}");
    }
});
