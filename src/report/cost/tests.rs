use std::sync::Arc;

use super::*;
use crate::domain::energy::Efficiency;
use crate::domain::session::Plan;
use crate::report::fixture;

const PRICES: Prices = Prices { usd_per_hour: 3.6, usd_per_kwh: Some(0.4) };

/// A case with two answers one after another, of 100 tokens and 20 prompt tokens in 2 s each: 50 tok/s.
fn session(prices: Option<Prices>) -> Session {
    let mut suite = fixture::suite(&["a"]);
    suite.prices = prices;
    fixture::run(suite, Plan { repeat: 2, ..Plan::default() }, |id, now| {
        let mut record = fixture::answer(id, now, 2000, 10, 100);
        record.usage.prompt_tokens = Some(300);
        Some(record)
    })
}

fn cost(session: &Session, gpu: Result<&GpuReport, &str>) -> Option<Cost> {
    Cost::new(session, &Summary::from_session(session), gpu)
}

#[test]
fn a_price_has_the_load_at_which_it_was_measured() {
    let found = cost(&session(Some(PRICES)), Err("no GPU")).unwrap();
    // $0.001 per second at 50 tok/s: $20 for a million output tokens. Of 400 tokens 100 are output.
    assert!((found.usd_per_million_output_tokens.unwrap() - 20.0).abs() < 1e-6, "{found:?}");
    assert!((found.usd_per_million_tokens.unwrap() - 5.0).abs() < 1e-6, "{found:?}");
    assert_eq!(found.to_string(), "$20.00 per million output tokens at concurrency 1");
    assert_eq!(found.details().last().map(String::as_str), Some("without electricity: no GPU"));
    assert_eq!((found.throughput_per_watt, found.usd_per_thousand_items), (None, None));
    assert_eq!(cost(&session(None), Err("no GPU")), None);
}

#[test]
fn electricity_is_the_energy_of_the_tokens() {
    let mut gpu = fixture::gpu();
    // 1.8 J a token: 0.5 kWh for a million, so $0.20 more.
    gpu.efficiency = Ok(Efficiency { joules: 360.0, output_tokens: 200 });
    let found = cost(&session(Some(PRICES)), Ok(&gpu)).unwrap();
    assert!((found.usd_per_million_output_tokens.unwrap() - 20.2).abs() < 1e-6, "{found:?}");
    assert!((found.throughput_per_watt.unwrap() - 1.0 / 1.8).abs() < 1e-9);
    assert!(found.details().contains(&"electricity at $0.400 per kWh".to_owned()), "{:?}", found.details());
}

#[test]
fn an_uncounted_prompt_leaves_no_price_of_all_tokens() {
    let mut suite = fixture::suite(&["a"]);
    suite.prices = Some(PRICES);
    let run = fixture::run(suite, Plan::default(), |id, now| {
        let mut record = fixture::answer(id, now, 2000, 10, 100);
        record.usage.prompt_tokens = None;
        Some(record)
    });
    let found = cost(&run, Err("no GPU")).unwrap();
    assert!(found.usd_per_million_tokens.is_none() && found.usd_per_million_output_tokens.is_some());
}

#[test]
fn a_sweep_has_the_price_of_its_best_stage() {
    let mut suite = fixture::suite(&["a"]);
    suite.prices = Some(PRICES);
    let session = Session::new(Arc::new(suite), Plan::default()).with_sweep(vec![1, 2]);
    assert_eq!(cost(&session, Err("no GPU")), None);
    let run = fixture::run_session(session, |id, _turn, now| Some(fixture::answer(id, now, 2000, 10, 100)));
    let found = cost(&run, Ok(&fixture::gpu())).unwrap();
    assert_eq!((found.load.as_str(), found.throughput_per_watt), ("concurrency 1, the best stage", None));
    assert_eq!(found.energy_unknown_because.as_deref(), Some(MIXED_LOADS));
}

#[test]
fn amounts_have_three_digits_at_least() {
    let all = [120.4, 1.5, 0.5556, 0.01234, 0.000_123].map(dollars);
    assert_eq!(all, ["$120", "$1.50", "$0.556", "$0.0123", "$0.000123"]);
}
