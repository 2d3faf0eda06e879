//! The terminal: entered, left on every way out.
