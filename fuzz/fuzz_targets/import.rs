//! Feeds any text as a report, in Markdown or JSON. The import must reject it with a message or compare it.
//!
//!     cargo +nightly fuzz run import
//!
//! The invariants are checked by a function of the crate, which property tests call too.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::report::oracle::check_import(&String::from_utf8_lossy(input)) {
        panic!("{why}");
    }
});
