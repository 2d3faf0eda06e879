//! Any text as a suite file: a sound suite, or mistakes that say where they are.
//!
//!     cargo +nightly fuzz run suite_file
//!
//! What is checked is a function of the crate, which property tests run as well.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Err(why) = tokscope::config::suite_file::oracle::check(text) {
        panic!("{why}");
    }
});
