//! Feeds any text as a metrics page of a server or of GPUs, and its lines as macmon's. Names must be safe to display
//! and figures within bounds.
//!
//!     cargo +nightly fuzz run prometheus
//!
//! The invariants are checked by a function of the crate, which property tests call too.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::protocol::oracle::check(&String::from_utf8_lossy(input)) {
        panic!("{why}");
    }
});
