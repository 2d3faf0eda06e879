//! Puts any texts into a report of every format. Read back, the report must have its expected parts.
//!
//!     cargo +nightly fuzz run report
//!
//! The invariants are checked by a function of the crate, which property tests call too. The byte FF separates the
//! texts.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let texts: Vec<_> = input.split(|byte| *byte == 0xff).map(String::from_utf8_lossy).collect();
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    if let Err(why) = tokscope::report::oracle::check(&texts) {
        panic!("{why}");
    }
});
