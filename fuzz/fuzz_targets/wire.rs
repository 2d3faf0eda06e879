//! Feeds any bytes in any reads, from the socket to the record. There must be no panic, no lost text, and no memory
//! beyond the limits.
//!
//!     cargo +nightly fuzz run wire
//!
//! The invariants are checked by a function of the crate, which property tests call too.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::engine::oracle::check(input) {
        panic!("{why}");
    }
});
