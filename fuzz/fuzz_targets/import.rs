//! Any text as an older report, Markdown or JSON: refused in words, or compared.
//!
//!     cargo +nightly fuzz run import
//!
//! What is checked is a function of the crate, which property tests run as well.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::report::oracle::check_import(&String::from_utf8_lossy(input)) {
        panic!("{why}");
    }
});
