//! `cases.toml`: read, checked, with errors that name file, line and the nearest valid key.
