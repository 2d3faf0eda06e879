//! Summary of a run in the JSON export.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::spread::SpreadJson;
use super::{gpu, load};
use crate::domain::media::MediaCount;
use crate::domain::metrics::{METRICS, Metric, SPEED};
use crate::domain::prefix_cache::PrefixCache;
use crate::report::bottleneck::{Bottleneck, SystemFigures, bottleneck};
use crate::report::model::Report;
use crate::report::summary::Summary;

#[derive(Serialize)]
pub(super) struct SummaryJson<'a> {
    /// Concurrency of the stage that rates and metrics describe; only present in a sweep.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_concurrency: Option<usize>,
    #[serde(flatten)]
    spreads: Spreads<'a>,
    ok: usize,
    failed: usize,
    attempts: usize,
    failed_attempts: usize,
    cold_attempts: usize,
    cached_attempts: usize,
    unknown_cache_attempts: usize,
    time_to_first_token_ms_cold: Option<SpreadJson>,
    time_to_first_token_ms_warm: Option<SpreadJson>,
    /// Images and audio of the reported attempts; only present if there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<MediaJson>,
    tokenizer_attempts: usize,
    estimated_attempts: usize,
    /// Number of reported attempts with checks; next, of those that pass all of them.
    checked_attempts: usize,
    passed_attempts: usize,
    total_output_tokens: Option<u64>,
    total_time_s: Option<f64>,
    busy_time_s: Option<f64>,
    output_token_throughput: Option<f64>,
    /// Items and prompt tokens of answers that are not text; only present for them, like their throughput.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_items: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_throughput: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_token_throughput: Option<f64>,
    request_throughput: Option<f64>,
    #[serde(flatten)]
    energy: gpu::EfficiencyJson<'a>,
    rating: Option<&'static str>,
    /// Reason for a missing rating, or the number of answers that it excludes.
    rating_note: Option<String>,
    /// Bottleneck of the run, as in the report and the dashboard; `null` before the first measured attempt ends.
    bottleneck: Option<BottleneckJson>,
    /// Number of complete answers in which a figure is unresolved, by the key of the figure.
    unresolved: BTreeMap<&'static str, usize>,
    findings: Vec<FindingCount>,
    #[serde(flatten)]
    load: Option<load::LoadJson<'a>>,
}

/// Images and audio of the reported attempts.
#[derive(Serialize)]
struct MediaJson {
    /// Number of attempts with images or audio.
    attempts: usize,
    #[serde(flatten)]
    count: MediaCount,
}

/// A finding and the number of attempts that have it.
#[derive(Serialize)]
struct FindingCount {
    key: &'static str,
    attempts: usize,
}

/// Key in the summary for the spread of the attempts' `output_token_throughput`. In the summary, that name is the
/// throughput of the whole run, as in other benchmarks.
const SPEED_SPREAD: &str = "output_token_throughput_per_request";

pub(super) fn summary_key(metric: &Metric) -> &'static str {
    if *metric == SPEED { SPEED_SPREAD } else { metric.key }
}

/// Writes one key per metric of the table.
struct Spreads<'a>(&'a Summary);

impl Serialize for Spreads<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(METRICS.len()))?;
        for metric in METRICS {
            let key = summary_key(metric);
            let all = self.0.measured;
            let unresolved = self.0.unresolved(metric);
            let spread = self.0.spread(metric);
            let spread = spread.map(|spread| SpreadJson::new(&spread, all).with_unresolved(unresolved));
            // A warm TTFT measures the cache, so the counts show whether the mean mixes warm and cold TTFTs.
            let mixes = metric.is_first_token;
            map.serialize_entry(key, &if mixes { spread.map(|s| s.with_cache(self.0.cache)) } else { spread })?;
        }
        map.end()
    }
}

/// Cause of a bottleneck, with the figures that show it.
#[derive(Serialize)]
struct BottleneckJson {
    cause: &'static str,
    evidence: String,
}

impl From<Bottleneck> for BottleneckJson {
    fn from(found: Bottleneck) -> Self {
        Self { cause: found.cause, evidence: found.evidence }
    }
}

fn media(summary: &Summary) -> Option<MediaJson> {
    let (count, attempts) = summary.media;
    (attempts > 0).then_some(MediaJson { attempts, count })
}

pub(super) fn summary_json<'a>(summary: &'a Summary, report: &'a Report) -> SummaryJson<'a> {
    let totals = &summary.totals;
    let (measured, is_text) = (totals.attempts > 0, report.session.suite.task.generates());
    let ttft = |state| {
        let found = summary.ttft_by_cache().iter().find(|(s, _)| *s == state);
        found.map(|(_, spread)| SpreadJson::new(spread, summary.measured))
    };
    SummaryJson {
        stage_concurrency: summary.stage,
        spreads: Spreads(summary),
        ok: totals.ok,
        failed: totals.failed,
        attempts: totals.attempts,
        failed_attempts: totals.failed_attempts,
        cold_attempts: totals.cache.cold,
        cached_attempts: totals.cache.warm,
        unknown_cache_attempts: totals.cache.unknown,
        time_to_first_token_ms_cold: ttft(PrefixCache::Cold),
        time_to_first_token_ms_warm: ttft(PrefixCache::Warm),
        media: media(summary),
        tokenizer_attempts: totals.tokenizer_attempts,
        estimated_attempts: totals.estimated_attempts,
        checked_attempts: totals.pass_rate.checked,
        passed_attempts: totals.pass_rate.passed,
        total_output_tokens: (measured && is_text).then_some(totals.output_tokens),
        total_items: summary.total_items,
        total_input_tokens: summary.total_input_tokens,
        item_throughput: summary.item_throughput,
        input_token_throughput: summary.input_token_throughput,
        total_time_s: measured.then_some(totals.time_s),
        busy_time_s: measured.then_some(totals.busy_time_s),
        output_token_throughput: summary.output_token_throughput,
        request_throughput: summary.request_throughput,
        energy: gpu::EfficiencyJson::from_report(report),
        rating: summary.rating,
        rating_note: summary.rating_note(),
        bottleneck: bottleneck(&report.session, summary, SystemFigures::from_report(report)).map(BottleneckJson::from),
        unresolved: METRICS.iter().map(|m| (summary_key(m), summary.unresolved(m))).filter(|(_, n)| *n > 0).collect(),
        load: summary.tally.as_ref().map(|tally| load::LoadJson::new(tally, totals, &report.session)),
        findings: summary.findings.iter().map(|&(d, attempts)| FindingCount { key: d.key, attempts }).collect(),
    }
}
