//! What must hold for any page of metrics: for the fuzzer and for property tests.

use super::prometheus::samples;
use super::server_metrics::read;
use crate::domain::server_gauges::Meter;

/// Labels that are asked of every line.
const LABELS: [&str; 3] = ["engine", "model_name", "uuid"];
/// Figures that are asked of every page.
const METERS: [Meter; 4] = [Meter::Running, Meter::KvCache, Meter::GeneratedTokens, Meter::TtftSeconds];

/// Says what does not hold for this page.
pub fn check(page: &str) -> Result<(), String> {
    for sample in samples(page) {
        let starts_like_a_name = sample.name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':');
        if !starts_like_a_name || !page.contains(sample.name) {
            return Err(format!("{:?} is no name on the page", sample.name));
        }
        let longest = LABELS.iter().filter_map(|name| sample.label(name)).map(|value| value.len()).max();
        if longest.is_some_and(|len| len > page.len()) {
            return Err("a label is longer than its page".to_owned());
        }
    }
    let told = read(page);
    if let Some(told) = &told {
        if let Some(value) = METERS.iter().filter_map(|m| told.gauges.get(*m)).find(|value| !value.is_finite()) {
            return Err(format!("{value} as a figure"));
        }
        if told.gauges.told() == 0 {
            return Err("a server that tells nothing".to_owned());
        }
    }
    // Neither comments nor empty lines nor the ends of lines change what is told.
    let dressed = page.lines().fold(String::new(), |page, line| page + "\n# HELP x y\r\n" + line + "\r\n");
    if read(&dressed) == told { Ok(()) } else { Err(format!("{told:?} became {:?}", read(&dressed))) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn figures_beyond_all_numbers_are_none() {
        let page = "vllm:num_requests_running{engine=\"0\"} 1e308\nvllm:num_requests_running{engine=\"1\"} 1e308\nvllm:kv_cache_usage_perc 1e308\nvllm:num_requests_waiting 2\n";
        assert_eq!(check(page), Ok(()));
        let gauges = read(page).unwrap().gauges;
        assert_eq!([Meter::Running, Meter::KvCache, Meter::Waiting].map(|m| gauges.get(m)), [None, None, Some(2.0)]);
    }

    #[test]
    fn holds_for_pages_of_servers() {
        for page in [
            include_str!("../../tests/data/server-metrics/vllm-preempting.prom"),
            include_str!("../../tests/data/server-metrics/sglang-ranks.prom"),
            include_str!("../../tests/data/server-metrics/llama-cpp-busy.prom"),
            include_str!("../../tests/data/server-metrics/lmdeploy.prom"),
            include_str!("../../tests/data/dcgm/two-gpus.prom"),
        ] {
            assert_eq!(check(page), Ok(()));
        }
    }

    proptest! {
        #[test]
        fn holds_for_pages_with_noise(lines in prop::collection::vec(prop_oneof![
            (prop::sample::select(vec![
                "vllm:num_requests_running", "vllm:num_requests_waiting_by_reason", "vllm:kv_cache_usage_perc",
                "sglang:token_usage", "sglang:num_running_reqs", "vllm:generation_tokens_total", "llamacpp:requests_processing", "gpu_cache_usage_perc",
            ]), "[{}\"=a\\\\ ,]{0,12}", prop_oneof![Just(f64::MAX), Just(f64::NAN), any::<f64>()])
                .prop_map(|(name, noise, value)| format!("{name}{noise} {value:e}")),
            "\\PC{0,30}",
        ], 0..12)) {
            prop_assert_eq!(check(&lines.join("\n")), Ok(()));
        }
    }
}
