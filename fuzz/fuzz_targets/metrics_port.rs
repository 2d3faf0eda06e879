//! Sends any bytes to the endpoint of `--metrics-listen`. It must answer with HTTP or not at all.
//!
//!     cargo +nightly fuzz run metrics_port
//!
//! The invariants are checked by a function of the crate, which property tests call too.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::monitoring::prometheus::oracle::check(input) {
        panic!("{why}");
    }
});
