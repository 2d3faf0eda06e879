//! Any texts in a report of every format: read back, it has the parts that it is meant to have.
//!
//!     cargo +nightly fuzz run report
//!
//! What is checked is a function of the crate, which property tests run as well. The byte FF parts the texts.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let texts: Vec<_> = input.split(|byte| *byte == 0xff).map(String::from_utf8_lossy).collect();
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    if let Err(why) = tokscope::report::oracle::check(&texts) {
        panic!("{why}");
    }
});
