//! Any text as a page of metrics, of a server or of GPUs, and its lines as those of macmon: names that are safe and figures
//! within bounds, whatever stands around them.
//!
//!     cargo +nightly fuzz run prometheus
//!
//! What is checked is a function of the crate, which property tests run as well.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::protocol::oracle::check(&String::from_utf8_lossy(input)) {
        panic!("{why}");
    }
});
