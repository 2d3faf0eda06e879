//! Numbers for people: calm widths, units, a dash for what is not known.

pub use crate::domain::time::clock;

/// What stands where there is no figure.
pub const UNKNOWN: &str = "–";

/// A time in milliseconds: `812 µs`, `43.1 ms`, `703 ms`, `7.03 s`.
pub fn millis(ms: Option<f64>) -> String {
    match ms {
        None => UNKNOWN.to_owned(),
        Some(ms) if ms < 1.0 => format!("{:.0} µs", ms * 1000.0),
        Some(ms) if ms < 99.95 => format!("{ms:.1} ms"),
        Some(ms) if ms < 999.5 => format!("{ms:.0} ms"),
        Some(ms) => format!("{:.2} s", ms / 1000.0),
    }
}

/// A rate with one decimal: `113.7`.
pub fn rate(per_s: Option<f64>) -> String {
    per_s.map_or_else(|| UNKNOWN.to_owned(), |r| format!("{r:.1}"))
}

/// A whole number with thin groups: `97 887`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_fit_the_size() {
        assert_eq!(millis(Some(0.8124)), "812 µs");
        assert_eq!(millis(Some(43.14)), "43.1 ms");
        assert_eq!(millis(Some(703.2)), "703 ms");
        assert_eq!(millis(Some(7034.0)), "7.03 s");
        assert_eq!(millis(None), "–");
        assert_eq!(grouped(97_887), "97 887");
        assert_eq!(grouped(12), "12");
    }
}
