//! Any text on its way to a terminal: nothing that steers, turns, hides or piles up comes through.
//!
//!     cargo +nightly fuzz run sanitise
//!
//! What is checked is a function of the crate, which property tests run as well.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::domain::text::oracle::check(&String::from_utf8_lossy(input)) {
        panic!("{why}");
    }
});
