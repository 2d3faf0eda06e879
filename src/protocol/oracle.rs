//! Invariants for any page of server or GPU metrics. Fuzzer and property tests check them.

use super::prometheus::samples;
use super::server_metrics::read;
use super::{dcgm, macmon};
use crate::domain::server_gauges::Meter;
use crate::domain::text::oracle::fault;

/// Labels to look up on every line.
const LABELS: [&str; 3] = ["engine", "model_name", "uuid"];
/// Figures to look up on every page.
const METERS: [Meter; 4] = [Meter::Running, Meter::KvCache, Meter::GeneratedTokens, Meter::TtftSeconds];

/// Upper bounds for the figures of a GPU, in the units of [`dcgm::Reading`] and [`macmon::Reading`].
const PERCENT: f64 = 100.0;
const WATTS: f64 = 1e6;
const CELSIUS: f64 = 1e3;
const MEGAHERTZ: f64 = 1e6;
const JOULES: f64 = 1e15;
/// More memory than any GPU has. The sum of several such figures stays far below the maximum of `u64`.
const BYTES: u64 = 1 << 48;

/// Checks a page with every parser. Returns the first violated invariant.
pub fn check(page: &str) -> Result<(), String> {
    page.lines().chain([page]).try_for_each(check_macmon)?;
    check_dcgm(page)?;
    check_server(page)
}

/// Checks a line with macmon's parser.
fn check_macmon(line: &str) -> Result<(), String> {
    let reading = match macmon::read(line.as_bytes()) {
        Ok(reading) => reading,
        Err(unreadable) => return check_names([Some(unreadable.reason())]),
    };
    check_names([reading.chip.as_deref(), reading.machine.as_deref()])?;
    check_figures([
        (reading.active_percent, PERCENT),
        (reading.clock_mhz, MEGAHERTZ),
        (reading.max_clock_mhz, MEGAHERTZ),
        (reading.power_w, WATTS),
        (reading.temperature_c, CELSIUS),
    ])?;
    if reading.memory_used_bytes.is_some() && reading.memory_used_bytes > reading.memory_total_bytes {
        return Err(format!("more memory in use than there is: {reading:?}"));
    }
    Ok(())
}

/// Checks a page with the DCGM parser.
fn check_dcgm(page: &str) -> Result<(), String> {
    let reading = dcgm::read(page);
    for gpu in &reading {
        let key = &gpu.key;
        check_names([&key.host, &key.uuid, &gpu.model, &gpu.driver].map(Option::as_deref))?;
        check_figures([
            (gpu.utilization_percent(), PERCENT),
            (gpu.power_w(), WATTS),
            (gpu.power_limit_w(), WATTS),
            (gpu.energy_j(), JOULES),
            (gpu.temperature_c(), CELSIUS),
            (gpu.sm_clock_mhz(), MEGAHERTZ),
            (gpu.max_sm_clock_mhz(), MEGAHERTZ),
        ])?;
        let memory = [gpu.memory_used_bytes(), gpu.memory_reserved_bytes(), gpu.memory_total_bytes().map(|m| m.0)];
        if let Some(bytes) = memory.into_iter().flatten().find(|bytes| *bytes > BYTES) {
            return Err(format!("{bytes} bytes of memory"));
        }
        if key.uuid.is_none() && key.gpu.is_none() {
            return Err("a GPU without a name".to_owned());
        }
        if reading.iter().filter(|other| other.key == *key).count() > 1 {
            return Err(format!("{key:?} appears twice"));
        }
    }
    let reread = dcgm::read(&with_noise(page));
    if reread == reading { Ok(()) } else { Err(format!("{reading:?} became {reread:?}")) }
}

/// Checks that names are one line and safe to display.
fn check_names<'a>(names: impl IntoIterator<Item = Option<&'a str>>) -> Result<(), String> {
    for name in names.into_iter().flatten() {
        if let Some(fault) = fault(name) {
            return Err(fault);
        }
        if name.contains(['\n', '\t']) {
            return Err(format!("{name:?} is several lines"));
        }
    }
    Ok(())
}

/// Checks that figures lie between 0 and their maximum.
fn check_figures(figures: impl IntoIterator<Item = (Option<f64>, f64)>) -> Result<(), String> {
    for (figure, max) in figures {
        if let Some(value) = figure.filter(|value| !(0.0..=max).contains(value)) {
            return Err(format!("{value} as a figure of a GPU"));
        }
    }
    Ok(())
}

/// Adds comments, blank lines and CRLF line ends. None of these must change the result.
fn with_noise(page: &str) -> String {
    page.lines().fold(String::new(), |page, line| page + "\n# HELP x y\r\n" + line + "\r\n")
}

/// Checks a page with the parser for servers.
fn check_server(page: &str) -> Result<(), String> {
    for sample in samples(page) {
        let starts_like_a_name = sample.name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':');
        if !starts_like_a_name || !page.contains(sample.name) {
            return Err(format!("{:?} is not a name on the page", sample.name));
        }
        let longest = LABELS.iter().filter_map(|name| sample.label(name)).map(|value| value.len()).max();
        if longest.is_some_and(|len| len > page.len()) {
            return Err("a label is longer than its page".to_owned());
        }
    }
    let reading = read(page);
    if let Some(reading) = &reading {
        if let Some(value) = METERS.iter().filter_map(|m| reading.gauges.get(*m)).find(|value| !value.is_finite()) {
            return Err(format!("{value} as a figure"));
        }
        if reading.gauges.known_count() == 0 {
            return Err("a server without figures".to_owned());
        }
    }
    let reread = read(&with_noise(page));
    if reread == reading { Ok(()) } else { Err(format!("{reading:?} became {reread:?}")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::text::oracle::hostile;

    #[test]
    fn figures_beyond_the_range_of_numbers_are_missing() {
        let page = "vllm:num_requests_running{engine=\"0\"} 1e308\nvllm:num_requests_running{engine=\"1\"} 1e308\nvllm:kv_cache_usage_perc 1e308\nvllm:num_requests_waiting 2\n";
        assert_eq!(check(page), Ok(()));
        let gauges = read(page).unwrap().gauges;
        assert_eq!([Meter::Running, Meter::KvCache, Meter::Waiting].map(|m| gauges.get(m)), [None, None, Some(2.0)]);
    }

    #[test]
    fn invariants_hold_for_pages_of_servers_and_gpus() {
        for page in [
            include_str!("../../tests/data/server-metrics/vllm-preempting.prom"),
            include_str!("../../tests/data/server-metrics/sglang-ranks.prom"),
            include_str!("../../tests/data/server-metrics/llama-cpp-busy.prom"),
            include_str!("../../tests/data/server-metrics/lmdeploy.prom"),
            include_str!("../../tests/data/dcgm/two-gpus.prom"),
            include_str!("../../tests/data/dcgm/mig.prom"),
            include_str!("../../tests/data/macmon/0.6.1.json"),
            include_str!("../../tests/data/macmon/0.10.0.json"),
        ] {
            assert_eq!(check(page), Ok(()));
        }
    }

    proptest! {
        #[test]
        fn invariants_hold_for_server_pages_with_noise(lines in prop::collection::vec(prop_oneof![
            (prop::sample::select(vec![
                "vllm:num_requests_running", "vllm:num_requests_waiting_by_reason", "vllm:kv_cache_usage_perc",
                "sglang:token_usage", "sglang:num_running_reqs", "vllm:generation_tokens_total", "llamacpp:requests_processing", "gpu_cache_usage_perc",
            ]), "[{}\"=a\\\\ ,]{0,12}", prop_oneof![Just(f64::MAX), Just(f64::NAN), any::<f64>()])
                .prop_map(|(name, noise, value)| format!("{name}{noise} {value:e}")),
            "\\PC{0,30}",
        ], 0..12)) {
            prop_assert_eq!(check(&lines.join("\n")), Ok(()));
        }

        #[test]
        fn invariants_hold_for_gpu_pages_with_noise(lines in prop::collection::vec(prop_oneof![
            (prop::sample::select(vec![
                "DEV_FB_USED", "DEV_FB_FREE", "DEV_FB_RESERVED", "DEV_FB_TOTAL", "DEV_GPU_UTIL", "PROF_GR_ENGINE_ACTIVE", "DEV_POWER_USAGE",
                "DEV_TOTAL_ENERGY_CONSUMPTION", "DEV_GPU_TEMP", "DEV_SM_CLOCK", "DEV_CLOCKS_EVENT_REASONS",
            ]), hostile(), 0..3_u8, figure())
                .prop_map(|(name, label, gpu, value)| {
                    let label = label.replace(['"', '\\'], "'");
                    format!("DCGM_FI_{name}{{gpu=\"{gpu}\",UUID=\"{label}\",modelName=\"{label}\",Hostname=\"{label}\"}} {value:e}")
                }),
            (prop::sample::select(vec!["gpu_active_ratio", "gpu_scaled_ratio", "gpu_freq_mhz", "gpu_power"]), hostile(), figure())
                .prop_map(|(name, chip, value)| serde_json::json!({ name: value, "soc": { "chip_name": chip } }).to_string()),
            hostile(),
        ], 0..12)) {
            prop_assert_eq!(check(&lines.join("\n")), Ok(()));
        }
    }

    /// Generates plausible and arbitrary values.
    fn figure() -> impl Strategy<Value = f64> {
        prop_oneof![0.0..1.5_f64, 0.0..1e5_f64, Just(f64::MAX), any::<f64>()]
    }
}
