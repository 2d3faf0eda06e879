//! Reads any bytes as a text file of a folder, which must be refused with one line or become a prompt.
//!
//!     cargo +nightly fuzz run dataset_text
//!
//! The invariants are checked by a function of the crate, which property tests call too.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::workload::dataset::oracle::check_text(input) {
        panic!("{why}");
    }
});
