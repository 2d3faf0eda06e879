//! Numbers on the screen: with units, in stable widths, a dash for an unknown figure.

pub use crate::domain::quantity::{UNKNOWN, grouped};
pub use crate::domain::time::clock;

use crate::domain::quantity::Quantity;

/// A time in milliseconds: `812 µs`, `43.1 ms`, `703 ms`, `7.03 s`.
pub fn millis(ms: Option<f64>) -> String {
    Quantity::from_millis(ms).to_string()
}

/// A rate with one decimal: `113.7`.
pub fn rate(per_s: Option<f64>) -> String {
    Quantity::new(per_s, 1).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_depends_on_the_size() {
        assert_eq!(millis(Some(0.8124)), "812 µs");
        assert_eq!(millis(Some(43.14)), "43.1 ms");
        assert_eq!(millis(Some(703.2)), "703 ms");
        assert_eq!(millis(Some(7034.0)), "7.03 s");
        assert_eq!(millis(None), "–");
    }
}
