//! What the integration tests share.

pub mod real_server;
