//! Title, what must not be overlooked, test and GPU.

use std::collections::BTreeMap;

use crate::domain::sweep::stages;
use crate::report::model::{GpuDeviceReport, IDLE_PERCENT, USUAL_API};

use super::View;
use super::escape::{UNKNOWN, code, inline};
use super::page::{Page, count, with_unit};

/// What a field of the GPU section says without a figure.
const NOT_AVAILABLE: &str = "N/A";

pub fn write(view: &View<'_>, page: &mut Page) {
    let simulated = if view.report.simulated { " (SIMULATED)" } else { "" };
    page.block(&format!("# {} Performance Benchmark Report{simulated}", inline(&view.report.model)));
    marks(view, page);
    test(view, page);
    gpu(view, page);
}

/// The lines nobody may miss: no model was measured; not all was measured.
fn marks(view: &View<'_>, page: &mut Page) {
    if view.report.simulated {
        page.block(
            "> **SIMULATED**: texts and timing come from tokscope's built-in simulator. No model was measured; none of \
             these figures says anything about a model or a GPU.",
        );
    }
    if view.report.route.is_unverified() {
        page.block(
            "> **TLS not verified** (`--insecure`): the server did not have to prove who it is. Anyone on the way could \
             have answered in its place.",
        );
    }
    if view.summary.partial {
        page.block(&format!("> **Partial run**: {}.", missing(view)));
    } else if view.summary.failed_attempts > 0 {
        let failed = count(view.summary.failed_attempts, "attempt");
        page.block(&format!("> **Failed attempts**: every case is measured, but {failed} failed beside or after it."));
    }
}

/// `8 of 10 cases measured (1 http_error, 1 not run)`, and what else is missing.
fn missing(view: &View<'_>) -> String {
    let session = &view.report.session;
    let mut why: BTreeMap<&str, usize> = BTreeMap::new();
    for case in view.cases.iter().filter(|c| c.reported.is_empty()) {
        *why.entry(case.status()).or_default() += 1;
    }
    let mut parts = vec![format!("{} of {} measured", view.summary.ok, count(view.cases.len(), "case"))];
    if !why.is_empty() {
        let why: Vec<_> = why.iter().map(|(word, n)| format!("{n} {word}")).collect();
        parts.push(format!(" ({})", why.join(", ")));
    }
    if session.plan.repeat > 1 {
        let wanted = view.cases.len() * session.plan.repeat as usize;
        parts.push(format!(", {} of {wanted} attempts", view.summary.attempts));
    }
    if view.summary.failed_attempts > 0 && session.sweep.is_empty() && view.summary.failed == 0 {
        parts.push(format!("; {} failed", count(view.summary.failed_attempts, "attempt")));
    }
    parts.extend(stages_lack(view));
    if session.not_started > 0 {
        let of_rate = count(session.not_started, "request");
        parts.push(format!("; {of_rate} of the rate found no slot within the duration"));
    }
    if session.is_active() {
        parts.push("; the run was still going on when this report was made".to_owned());
    }
    parts.concat()
}

/// What the stages before the reported one lack.
fn stages_lack(view: &View<'_>) -> Option<String> {
    let session = &view.report.session;
    let missed = session.sweep.len().saturating_sub(session.stage + 1);
    let failed: Vec<String> = stages(session)
        .iter()
        .filter(|s| s.ok < s.requests)
        .map(|s| format!("{} of {} at {} at once", s.requests - s.ok, s.requests, s.concurrency))
        .collect();
    let failed = (!failed.is_empty()).then(|| format!("; of the sweep's requests failed {}", failed.join(", ")));
    let missed = (missed > 0).then(|| format!("; {} of the sweep not reached", count(missed, "stage")));
    failed.into_iter().chain(missed).reduce(|a, b| a + &b)
}

fn test(view: &View<'_>, page: &mut Page) {
    let report = view.report;
    let plan = report.session.plan;
    page.block("## Test Information");
    page.field("Test Time", &report.started_at().strftime("%Y-%m-%d %H:%M:%S").to_string());
    let simulated = if report.simulated { " (simulated: no model)" } else { "" };
    page.field("Model", &(inline(&report.model) + simulated));
    page.field("API URL", &inline(&report.url));
    if report.api != USUAL_API {
        page.field("API", report.api);
    }
    if report.route.is_unverified() {
        page.field("TLS", "not verified (`--insecure`)");
    }
    if let Some(proxy) = &report.route.proxy {
        page.field("Proxy", &format!("{} (its time is in every figure)", inline(proxy)));
    }
    page.field("Test Cases", &view.cases.len().to_string());
    page.field("Test Mode", &inline(&report.session.suite.name));
    page.field("Server", &server(view));
    match plan.limit() {
        Some(1) => {}
        Some(limit) => page.field("Concurrency", &limit.to_string()),
        None => page.field("Concurrency", &format!("no limit; {} in flight at most", view.summary.peak_in_flight)),
    }
    if plan.repeat > 1 {
        page.field("Repeat", &plan.repeat.to_string());
    }
    if plan.warmup > 0 {
        page.field("Warm-up", &count(plan.warmup as usize, "attempt"));
    }
    page.field("Token Counts", &token_source(view));
    if view.summary.attempts > 0 {
        page.field("Prefix Cache", &cache(view));
    }
    page.field("Run ID", &inline(&report.run_id));
    page.line("");
}

fn server(view: &View<'_>) -> String {
    if view.report.simulated {
        return "tokscope's built-in simulator (SIMULATED)".to_owned();
    }
    let server = &view.report.server;
    match (&server.kind, &server.version) {
        (None, None) => format!("{UNKNOWN} (it does not tell)"),
        (Some(kind), None) => inline(kind),
        (kind, Some(version)) => inline(&format!("{} {version}", kind.as_deref().unwrap_or("unknown"))),
    }
}

fn token_source(view: &View<'_>) -> String {
    let s = &view.summary;
    let (all, estimated, counted) = (s.attempts, s.estimated_attempts, s.tokenizer_attempts);
    match (counted, estimated) {
        _ if all == 0 => format!("{UNKNOWN} (nothing was measured)"),
        (0, 0) => "the server's `usage`".to_owned(),
        (0, n) if n == all => "`~` estimated from the events: the server told no `usage`".to_owned(),
        (n, 0) if n == all => "counted with the tokenizer given: the server told no `usage`".to_owned(),
        (counted, estimated) => {
            let of = |n: usize, how: &str| (n > 0).then(|| format!("for {n} of {all} attempts without it {how}"));
            let rest =
                [of(counted, "counted with the tokenizer given"), of(estimated, "`~` estimated from the events")];
            let told = if counted + estimated < all { "the server's `usage`" } else { "the server told no `usage`" };
            [Some(told.to_owned())].into_iter().chain(rest).flatten().collect::<Vec<_>>().join("; ")
        }
    }
}

/// `10 cold, each prompt made unique`.
fn cache(view: &View<'_>) -> String {
    let how =
        if view.report.session.plan.warm { "prompts sent as they are (`--warm`)" } else { "each prompt made unique" };
    format!("{}; {how}", view.summary.cache.words())
}

fn gpu(view: &View<'_>, page: &mut Page) {
    page.block("## GPU Information");
    let gpu = match &view.report.gpu {
        Ok(gpu) if !gpu.devices.is_empty() => gpu,
        other => {
            let why = other.as_ref().map_or_else(String::as_str, |_| "the driver lists no GPU");
            for name in ["Model", "Memory", "Driver", "Peak Memory"] {
                page.field(name, NOT_AVAILABLE);
            }
            page.line("");
            return page.block(&format!("No GPU figures: {}", code(why)));
        }
    };
    let driver = gpu.driver.as_deref().map_or_else(|| NOT_AVAILABLE.to_owned(), inline);
    for device in &gpu.devices {
        if gpu.devices.len() > 1 {
            page.block(&format!("### GPU {}", device.index));
        }
        page.field("Model", &inline(&device.model));
        page.field("Memory", &memory(device));
        page.field("Driver", &driver);
        page.field("Peak Memory", &peak(device));
        if let Some(why) = &device.lost {
            page.field("Lost", &code(why));
        }
        page.line("");
    }
    if gpu.were_idle() {
        page.block(&format!(
            "No GPU of this machine was more than {IDLE_PERCENT} % busy during the run: the endpoint's address may be a \
             tunnel's, and the work done elsewhere."
        ));
    }
}

fn memory(device: &GpuDeviceReport) -> String {
    match (&device.memory_total_mib, &device.memory_unknown_because) {
        (None, Some(why)) => format!("{NOT_AVAILABLE} ({})", code(why)),
        (total, _) => mib(*total),
    }
}

fn mib(value: Option<f64>) -> String {
    value.map_or_else(|| NOT_AVAILABLE.to_owned(), |v| format!("{v:.0} MiB"))
}

fn peak(device: &GpuDeviceReport) -> String {
    let Some(peak) = device.memory_peak_mib else {
        let why = device.memory_unknown_because.as_deref().map(code);
        let why = why.unwrap_or_else(|| "no sample of the memory in use during the run".to_owned());
        return format!("{NOT_AVAILABLE} ({why})");
    };
    let at = with_unit(device.memory_peak_at_s, 1, false, " s into the run");
    let start = device.memory_used_start_mib.map(|start| format!("{start:.0} MiB in use at its start"));
    let reserved = device.memory_used_includes_reserved.then(|| "incl. what the driver reserves".to_owned());
    let notes: Vec<_> = device.memory_peak_at_s.map(|_| at).into_iter().chain(start).chain(reserved).collect();
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
    format!("{peak:.0} MiB{notes}")
}
