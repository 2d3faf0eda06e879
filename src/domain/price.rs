//! Prices of a server, and the cost of its work.

use serde::{Deserialize, Serialize};

/// Joules in a kilowatt-hour.
const JOULES_PER_KWH: f64 = 3.6e6;
const SECONDS_PER_HOUR: f64 = 3600.0;

/// Prices that the user gave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prices {
    /// Price of the server, US dollars per hour.
    pub usd_per_hour: f64,
    /// Price of electricity, US dollars per kWh; `None` if it is part of the price per hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_kwh: Option<f64>,
}

impl Prices {
    /// Price of one unit of work, such as a token, US dollars: the time that it takes at `per_s` units per second, and
    /// its energy in joules. Electricity counts only if both its price and the energy are known.
    pub fn of_unit(&self, per_s: f64, joules: Option<f64>) -> f64 {
        let time = self.usd_per_hour / SECONDS_PER_HOUR / per_s;
        let energy = joules.zip(self.usd_per_kwh).map(|(joules, usd_per_kwh)| joules / JOULES_PER_KWH * usd_per_kwh);
        time + energy.unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Prices;

    #[test]
    fn a_unit_costs_its_time_and_its_energy() {
        // $3.60 per hour is $0.001 per second: at 500 tokens per second $2 for a million.
        let rented = Prices { usd_per_hour: 3.6, usd_per_kwh: None };
        assert!((rented.of_unit(500.0, Some(9.0)) * 1e6 - 2.0).abs() < 1e-9);
        // 1.8 J a token are 0.5 kWh for a million; at $0.40 that is $0.20 more.
        let powered = Prices { usd_per_kwh: Some(0.4), ..rented };
        assert!((powered.of_unit(500.0, Some(1.8)) * 1e6 - 2.2).abs() < 1e-9);
        assert!((powered.of_unit(500.0, None) * 1e6 - 2.0).abs() < 1e-9);
    }
}
