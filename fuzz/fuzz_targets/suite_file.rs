//! Reads any text as a suite file. The result must be a valid suite or errors with their positions.
//!
//!     cargo +nightly fuzz run suite_file
//!
//! The invariants are checked by a function of the crate, which property tests call too.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Err(why) = tokscope::config::suite_file::oracle::check(text) {
        panic!("{why}");
    }
});
