//! Feeds any bytes as a saved run. Reading must fail with a message or yield a run that every format can report.
//!
//!     cargo +nightly fuzz run journal
//!
//! The invariants are checked by a function of the crate.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::runtime::saved::oracle::check(input) {
        panic!("{why}");
    }
});
