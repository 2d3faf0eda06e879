//! Any bytes in any reads, from the socket to the record: no panic, no lost text, no memory beyond the limits.
//!
//!     cargo +nightly fuzz run wire
//!
//! What is checked is a function of the crate, which property tests run as well.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::engine::oracle::check(input) {
        panic!("{why}");
    }
});
