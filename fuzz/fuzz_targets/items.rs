//! Sends any bytes as an answer of vectors or scores. An accepted answer must fit its request, and a refused one must have
//! its reason in one line.
//!
//!     cargo +nightly fuzz run items
//!
//! The invariants are checked by a function of the crate, which property tests call too.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(why) = tokscope::protocol::items::oracle::check(input) {
        panic!("{why}");
    }
});
