//! Feeds any bytes as elements of a JSON array. Each must be refused with one line or read the same twice.
//!
//!     cargo +nightly fuzz run dataset_array
//!
//! The invariants are checked by a function of the crate, which property tests call too.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::workload::dataset::oracle::check_array(input) {
        panic!("{why}");
    }
});
