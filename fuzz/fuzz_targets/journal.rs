//! Any bytes as a kept run: refused in words, or a run that can be told in every format.
//!
//!     cargo +nightly fuzz run journal
//!
//! What is checked is a function of the crate.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::runtime::saved::oracle::check(input) {
        panic!("{why}");
    }
});
