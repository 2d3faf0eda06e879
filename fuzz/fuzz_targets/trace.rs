//! Reads any bytes as a trace of every format. The result must be requests in order of time or errors of one line.
//!
//!     cargo +nightly fuzz run trace
//!
//! The invariants are checked by a function of the crate, which property tests call too.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::workload::trace::oracle::check(input) {
        panic!("{why}");
    }
});
