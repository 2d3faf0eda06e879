//! Feeds any bytes after the header of CSV and TSV. Each record must be refused with one line or read the same twice.
//!
//!     cargo +nightly fuzz run dataset_table
//!
//! The invariants are checked by a function of the crate, which property tests call too.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::workload::dataset::oracle::check_table(input) {
        panic!("{why}");
    }
});
