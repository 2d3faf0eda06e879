//! Shared parts of the integration tests. Each test program uses some of them.
#![allow(dead_code, reason = "every test program compiles all of this and uses a part")]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]
#![allow(clippy::disallowed_methods, reason = "the deadline of a condition is real time")]

pub mod dashboard;
pub mod faults;
pub mod place;
pub mod pty;
pub mod real_server;
pub mod schema;
pub mod server;
pub mod tls;
