//! Tests against pages written by the servers. `tests/data/server-metrics/README.md` describes the pages.

use super::*;
use Meter as M;

macro_rules! page {
    ($name:literal) => {
        include_str!(concat!("../../../tests/data/server-metrics/", $name, ".prom"))
    };
}

const VLLM_BEFORE: &str = page!("vllm-before");
const VLLM_BUSY: &str = page!("vllm-busy");
const VLLM_AFTER: &str = page!("vllm-after");
const VLLM_PREFIX: &str = page!("vllm-prefix");
const VLLM_PREEMPTING: &str = page!("vllm-preempting");
const VLLM_TWO: &str = page!("vllm-two-engines");
const VLLM_TWO_FRESH: &str = page!("vllm-two-engines-fresh");
const SGLANG: &str = page!("sglang");
const SGLANG_RANKS: &str = page!("sglang-ranks");
const LLAMA_CPP_BUSY: &str = page!("llama-cpp-busy");
const LLAMA_CPP_AFTER: &str = page!("llama-cpp-after");
const LMDEPLOY: &str = page!("lmdeploy");
const TENSORRT_LLM: &str = page!("tensorrt-llm");
const TGI: &str = page!("tgi");
const NIM: &str = page!("nim");

/// Checks that a page is recognised as `kind` and has exactly these figures, within 1e-9.
fn assert_figures(page: &str, kind: &str, figures: &[(Meter, f64)]) {
    let page = read(page).unwrap();
    assert_eq!(page.kind, kind);
    for (meter, expected) in figures {
        let values = page.gauges.get(*meter);
        assert!(
            values.is_some_and(|values| (values - expected).abs() < 1e-9),
            "{meter:?} is {values:?}, not {expected}"
        );
    }
    assert_eq!(page.gauges.known_count(), figures.len(), "{page:?}");
}

#[test]
fn vllm_counters_cover_a_whole_run() {
    let nothing = [
        M::Running,
        M::Waiting,
        M::KvCache,
        M::PrefixHits,
        M::PrefixQueries,
        M::Preemptions,
        M::GeneratedTokens,
        M::DecodedTokens,
        M::PromptTokens,
        M::TtftSeconds,
        M::TtftCount,
        M::QueueSeconds,
        M::QueueCount,
    ];
    assert_figures(VLLM_BEFORE, "vLLM", &nothing.map(|meter| (meter, 0.0)));
    // There are 27 answers: 26 including the warm-up requests (18 of 200 tokens, 8 of 100), and one of 4 tokens before
    // them.
    let after = [
        (M::Running, 0.0),
        (M::Waiting, 0.0),
        (M::KvCache, 0.0),
        (M::PrefixHits, 0.0),
        (M::PrefixQueries, 1359.0),
        (M::Preemptions, 0.0),
        (M::GeneratedTokens, 4404.0),
        (M::DecodedTokens, 4404.0),
        (M::PromptTokens, 1359.0),
        (M::TtftSeconds, 23.916_162_014_007_57),
        (M::TtftCount, 27.0),
        (M::QueueSeconds, 23.322_325_023_000_303),
        (M::QueueCount, 27.0),
    ];
    assert_figures(VLLM_AFTER, "vLLM", &after);
}

#[test]
fn busy_vllm_reports_its_queue() {
    let page = read(VLLM_BUSY).unwrap().gauges;
    let values = [M::Running, M::Waiting, M::GeneratedTokens, M::DecodedTokens].map(|meter| page.get(meter));
    assert_eq!(values, [Some(2.0), Some(4.0), Some(3891.0), Some(3891.0)]);
    // 2 of 8191 blocks.
    assert!((page.get(M::KvCache).unwrap() - 200.0 / 8191.0).abs() < 1e-9);
    let prefix = read(VLLM_PREFIX).unwrap().gauges;
    assert_eq!((prefix.get(M::PrefixHits), prefix.get(M::PrefixQueries)), (Some(1792.0), Some(7464.0)));
}

#[test]
fn vllm_reports_preemptions_and_draft_tokens() {
    let page = read(VLLM_PREEMPTING).unwrap().gauges;
    let values = [M::Running, M::Waiting, M::KvCache, M::Preemptions, M::DraftTokens, M::AcceptedTokens];
    let expected = [2.0, 6.0, 80.0, 7.0, 595.0, 568.0];
    assert_eq!(values.map(|meter| page.get(meter)), expected.map(Some));
}

#[test]
fn two_engines_of_vllm_are_one_server() {
    let page = read(VLLM_TWO).unwrap().gauges;
    let sums = [M::Running, M::Waiting, M::GeneratedTokens, M::PromptTokens, M::TtftCount];
    assert_eq!(sums.map(|meter| page.get(meter)), [4.0, 7.0, 1540.0, 499.0, 9.0].map(Some));
    // The engine with the larger share counts: 4 of 8191 blocks.
    assert!((page.get(M::KvCache).unwrap() - 400.0 / 8191.0).abs() < 1e-9);
    // A fresh server has counters but no gauges.
    let fresh = read(VLLM_TWO_FRESH).unwrap();
    let values =
        [M::GeneratedTokens, M::TtftCount, M::Running, M::Waiting, M::KvCache].map(|meter| fresh.gauges.get(meter));
    assert_eq!((fresh.kind, values), ("vLLM", [Some(0.0), Some(0.0), None, None, None]));
}

#[test]
fn older_names_of_vllm_count_without_newer_ones() {
    let old = "vllm:gpu_cache_usage_perc 0.5\nvllm_num_requests_running 1\n";
    assert_figures(old, "vLLM", &[(M::KvCache, 50.0), (M::Running, 1.0)]);
    assert_figures(&format!("{old}vllm:kv_cache_usage_perc 0.25\n"), "vLLM", &[(M::KvCache, 25.0), (M::Running, 1.0)]);
    let by_reason =
        "vllm:num_requests_waiting_by_reason{reason=\"a\"} 1\nvllm:num_requests_waiting_by_reason{reason=\"b\"} 2\n";
    assert_figures(by_reason, "vLLM", &[(M::Waiting, 3.0)]);
}

#[test]
fn sglang_reports_every_figure() {
    let figures = [
        (M::Running, 3.0),
        (M::Waiting, 2.0),
        (M::KvCache, 25.0),
        (M::PrefixHitRate, 38.4),
        (M::PrefixHits, 256.0),
        (M::PrefixQueries, 700.0),
        (M::Retracted, 0.0),
        (M::Preemptions, 1.0),
        (M::GeneratedTokens, 400.0),
        (M::DecodedTokens, 800.0),
        (M::PromptTokens, 700.0),
        (M::TtftSeconds, 1.0),
        (M::TtftCount, 3.0),
        (M::QueueSeconds, 1.0),
        (M::QueueCount, 4.0),
    ];
    assert_figures(SGLANG, "SGLang", &figures);
}

#[test]
fn ranks_of_one_engine_and_parts_by_priority_count_once() {
    // Engines 0 and 1 run 3 and 4 requests. Both ranks of each engine report them, and the parts by priority do too.
    let figures = [
        (M::Running, 7.0),
        (M::Waiting, 5.0),
        (M::KvCache, 75.0),
        (M::PrefixHitRate, 25.0),
        (M::PrefixHits, 192.0),
        (M::PrefixQueries, 500.0),
        (M::Retracted, 0.0),
        (M::Preemptions, 1.0),
        (M::GeneratedTokens, 250.0),
        (M::DecodedTokens, 800.0),
        (M::PromptTokens, 500.0),
        (M::TtftSeconds, 0.75),
        (M::TtftCount, 2.0),
        (M::QueueSeconds, 4.0),
        (M::QueueCount, 8.0),
    ];
    assert_figures(SGLANG_RANKS, "SGLang", &figures);
}

#[test]
fn llama_cpp_counts_an_answer_at_its_end_and_warns() {
    let busy = [
        (M::Running, 2.0),
        (M::Waiting, 2.0),
        (M::PrefixHits, 196.0),
        (M::PrefixQueries, 300.0),
        // Four answers of 600 tokens. Two more are half done.
        (M::GeneratedTokens, 2400.0),
        (M::PromptTokens, 104.0),
        (M::DraftTokens, 0.0),
        (M::AcceptedTokens, 0.0),
    ];
    assert_figures(LLAMA_CPP_BUSY, "llama.cpp", &busy);
    assert!(read(LLAMA_CPP_BUSY).is_some_and(|page| page.warning.is_some()));
    let after = read(LLAMA_CPP_AFTER).unwrap().gauges;
    let values = [M::Running, M::GeneratedTokens, M::PrefixHits, M::PrefixQueries].map(|meter| after.get(meter));
    assert_eq!(values, [0.0, 4800.0, 294.0, 400.0].map(Some));
}

#[test]
fn lmdeploy_reports_every_figure() {
    let figures = [
        (M::Running, 3.0),
        (M::Waiting, 1.0),
        (M::KvCache, 37.5),
        (M::PrefixHitRate, 25.0),
        (M::PrefixHits, 64.0),
        (M::PrefixQueries, 400.0),
        (M::GeneratedTokens, 150.0),
        (M::DecodedTokens, 150.0),
        (M::PromptTokens, 400.0),
        (M::DraftTokens, 100.0),
        (M::AcceptedTokens, 75.0),
        (M::TtftSeconds, 0.5),
        (M::TtftCount, 2.0),
        (M::QueueSeconds, 0.25),
        (M::QueueCount, 2.0),
    ];
    assert_figures(LMDEPLOY, "LMDeploy", &figures);
}

#[test]
fn servers_known_only_from_their_sources_are_read() {
    let tensorrt_llm = [
        (M::Running, 2.0),
        (M::Waiting, 3.0),
        (M::KvCache, 50.0),
        (M::PrefixHitRate, 12.5),
        (M::PrefixHits, 192.0),
        (M::PrefixQueries, 800.0),
        (M::Retracted, 1.0),
        (M::GeneratedTokens, 400.0),
        (M::PromptTokens, 800.0),
        // The counters by draft position, also on the page, must not count.
        (M::DraftTokens, 100.0),
        (M::AcceptedTokens, 60.0),
        (M::TtftSeconds, 0.5),
        (M::TtftCount, 4.0),
        (M::QueueSeconds, 0.25),
        (M::QueueCount, 4.0),
    ];
    assert_figures(TENSORRT_LLM, "TensorRT-LLM", &tensorrt_llm);
    let tgi = [
        (M::Running, 3.0),
        (M::Waiting, 5.0),
        (M::GeneratedTokens, 400.0),
        (M::PromptTokens, 812.0),
        (M::QueueSeconds, 0.5),
        (M::QueueCount, 4.0),
    ];
    assert_figures(TGI, "TGI", &tgi);
    let nim = [
        (M::Running, 1.0),
        (M::Waiting, 0.0),
        (M::KvCache, 25.0),
        (M::GeneratedTokens, 997.0),
        (M::DecodedTokens, 997.0),
        (M::PromptTokens, 603.0),
        (M::TtftSeconds, 4.25),
        (M::TtftCount, 34.0),
    ];
    assert_figures(NIM, "NIM", &nim);
}

#[test]
fn other_pages_yield_no_figures() {
    assert_eq!(read("go_goroutines 12\nprocess_cpu_seconds_total 3.5\n"), None);
    assert_eq!(read("<html>not found</html>"), None);
    assert_eq!(read("{\"error\": {\"code\": 501}}"), None);
    assert_eq!(read(include_str!("../../../tests/data/dcgm/two-gpus.prom")), None);
}

#[test]
fn a_value_that_is_not_a_number_is_no_figure() {
    assert_figures("vllm:num_requests_running 1\nvllm:kv_cache_usage_perc NaN\n", "vLLM", &[(M::Running, 1.0)]);
}

#[test]
fn every_name_belongs_to_one_dialect() {
    let names_of = |dialect: &'static Dialect| dialect.rows.iter().flat_map(|(_, _, names)| *names);
    let all = DIALECTS.iter().enumerate().flat_map(|(at, dialect)| names_of(dialect).map(move |name| (at, *name)));
    for (at, name) in all {
        assert!(!name.contains(':') && !name.ends_with("_total"), "{name} can never match");
        let elsewhere = DIALECTS.iter().enumerate().filter(|(other, _)| *other != at);
        assert!(elsewhere.flat_map(|(_, dialect)| names_of(dialect)).all(|other| *other != name), "{name}");
    }
    for dialect in DIALECTS {
        let mut meters: Vec<_> = dialect.rows.iter().map(|(meter, ..)| *meter as usize).collect();
        meters.sort_unstable();
        meters.dedup();
        assert_eq!(meters.len(), dialect.rows.len(), "{} has a figure twice", dialect.kind);
    }
}
