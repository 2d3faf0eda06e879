//! Sends any bytes as an image or audio. What is recognised must be in the body of a request unchanged.
//!
//!     cargo +nightly fuzz run media
//!
//! The invariants are checked by a function of the crate, which property tests call too.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::workload::image::oracle::check(input) {
        panic!("{why}");
    }
});
