//! Numbers on the screen: with units, in stable widths, a dash for an unknown figure.

pub use crate::domain::quantity::{UNKNOWN, grouped};
pub use crate::domain::time::clock;

use crate::domain::quantity::Quantity;

/// A time in milliseconds: `812 µs`, `43.1 ms`, `703 ms`, `7.03 s`.
pub fn millis(ms: Option<f64>) -> String {
    Quantity::from_millis(ms).to_string()
}

/// A throughput in whole tokens or items per second, with the mark of an estimate: `~504 tok/s`.
pub fn throughput((per_s, is_estimated): (f64, bool), unit: &str) -> String {
    format!("{} {unit}", Quantity::grouped(per_s).estimated_if(is_estimated))
}

/// A whole number with thousands separators, rounded: `1,235`.
pub fn whole(value: f64) -> String {
    Quantity::grouped(value).to_string()
}

/// Memory in GiB from MiB, the unit of all memory on the screen: `79.6`.
pub fn gib(mib: Option<f64>) -> String {
    Quantity::new(mib.map(|mib| mib / 1024.0), 1).to_string()
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
