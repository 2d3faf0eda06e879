//! Section with suite, endpoint, machine and command line.

use crate::domain::quantity::count;
use crate::domain::text::sanitise_line;
use crate::report::host::HostReport;
use crate::report::level::Level;
use crate::report::model::USUAL_API;

use super::View;
use super::escape::{UNKNOWN, fenced, inline, own};
use super::figures::grouped;
use super::numbers::mean_and_max;
use super::page::Page;

/// Returns number and size of the images and audio in the reported attempts; `None` without any.
fn media(view: &View<'_>) -> Option<String> {
    let grouped = |n: u64| grouped(n as f64);
    let (media, attempts) = view.summary.media;
    let part = |n: u32, one: &str, many: &str, bytes: u64| {
        let noun = if n == 1 { one } else { many };
        let size = if bytes > 0 { format!(" ({} bytes)", grouped(bytes)) } else { String::new() };
        (n > 0).then(|| format!("{} {noun}{size}", grouped(u64::from(n))))
    };
    let parts = [
        part(media.images, "image", "images", media.image_bytes),
        part(media.audio, "audio file", "audio files", media.audio_bytes),
    ];
    let words = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    (!media.is_empty()).then(|| format!("{words} in {}", count(attempts, "request")))
}

pub fn write(view: &View<'_>, page: &mut Page) {
    let report = view.report;
    page.block("## Test Information");
    page.field("Test Time", &report.started_at().strftime("%Y-%m-%d %H:%M:%S").to_string());
    page.field("Model", &inline(&report.model));
    page.field("API URL", &own(&report.url));
    if report.api != USUAL_API {
        page.field("API", report.api);
    }
    page.field("Server", &server(view));
    if report.route.is_unverified() {
        page.field("TLS", "not verified (`--insecure`)");
    }
    if let Some(proxy) = &report.route.proxy {
        page.field("Proxy", &format!("{} (all figures include its delay)", inline(proxy)));
    }
    page.field("Test Cases", &view.cases.len().to_string());
    page.field("Test Mode", &inline(&report.session.suite.name));
    plan(view, page);
    if let Some(media) = media(view) {
        page.field("Images and Audio", &media);
    }
    page.field("Token Counts", &token_source(view));
    if view.summary.totals.attempts > 0 {
        page.field("Prefix Cache", &cache(view));
    }
    page.field("Client", &client(view));
    page.field("Client Load", &client_load(&report.host));
    page.field("Run ID", &own(&report.run_id));
    page.line("");
    if let Some(command) = &report.command_line {
        page.block("**Command Line** (redacted):");
        page.block(&fenced(&sanitise_line(command)));
    }
}

fn plan(view: &View<'_>, page: &mut Page) {
    let session = &view.report.session;
    let plan = session.plan;
    if let Some(stages) = &session.suite.load_stages {
        page.field("Stages", &stages.to_string());
    } else if let Some(search) = &session.suite.find {
        page.field("Search", &search.to_string());
    } else if session.sweep.is_empty() {
        match plan.limit() {
            Some(1) => {}
            Some(limit) => page.field("Concurrency", &limit.to_string()),
            None => page.field("Concurrency", &format!("unlimited; at most {} in flight", view.summary.peak_in_flight)),
        }
    } else {
        let stages: Vec<String> = session.sweep.iter().map(usize::to_string).collect();
        page.field("Concurrency", &format!("sweep over {}", stages.join(", ")));
    }
    if let Some(shard) = plan.shard {
        page.field("Shard", &format!("{} of {} (from 0); `tokscope merge` joins the shards", shard.index, shard.count));
    }
    if plan.repeat > 1 {
        page.field("Repeat", &plan.repeat.to_string());
    }
    if plan.warmup > 0 {
        let probes = session.suite.workload.as_ref().map_or(0, |workload| workload.probes);
        let probes = if probes > 0 { format!(", {probes} of them probes") } else { String::new() };
        page.field("Warm-up", &format!("{}{probes}", count(plan.warmup as usize, "attempt")));
    }
}

fn server(view: &View<'_>) -> String {
    if view.report.simulated {
        return "tokscope's built-in simulator".to_owned();
    }
    let server = &view.report.server;
    match (&server.kind, &server.version) {
        (None, None) => "unknown (it does not identify itself)".to_owned(),
        (Some(kind), None) => inline(kind),
        // Escape kind and version separately: an escape sequence at the end of one would swallow text of the other.
        (kind, Some(version)) => format!("{} {}", inline(kind.as_deref().unwrap_or("unknown")), inline(version)),
    }
}

/// Describes how the output tokens were counted.
fn token_source(view: &View<'_>) -> String {
    let whole = &view.summary.totals;
    let (all, estimated, counted) = (whole.attempts, whole.estimated_attempts, whole.tokenizer_attempts);
    match (counted, estimated) {
        _ if all == 0 => format!("{UNKNOWN} (nothing was measured)"),
        (0, 0) => "from the server's `usage`".to_owned(),
        (0, n) if n == all => "`~` estimated from stream events: the server reported no `usage`".to_owned(),
        (n, 0) if n == all => "counted by the given tokenizer: the server reported no `usage`".to_owned(),
        (counted, estimated) => {
            let part = |n: usize, how: &str| (n > 0).then(|| format!("{how} in {n} of {all} attempts"));
            let rest =
                [part(counted, "counted by the given tokenizer"), part(estimated, "`~` estimated from stream events")];
            let reported = (counted + estimated < all).then(|| "from the server's `usage`".to_owned());
            [reported].into_iter().chain(rest).flatten().collect::<Vec<_>>().join("; ")
        }
    }
}

/// Describes the prefix cache of the attempts: `10 cold; unique prompts`.
fn cache(view: &View<'_>) -> String {
    let how = if view.report.session.plan.warm { "prompts sent unchanged (`--warm`)" } else { "unique prompts" };
    format!("{}; {how}", view.summary.totals.cache.words())
}

fn client(view: &View<'_>) -> String {
    let machine = &view.report.environment;
    let cores = count(machine.cores, "core");
    let memory = machine.memory_mib.map(|mib| format!("{} MiB", grouped(mib as f64)));
    let cpu = machine.cpu.as_deref().unwrap_or("unknown CPU");
    let about: Vec<String> = [Some(machine.os.as_str()), Some(cpu), Some(&cores), memory.as_deref()]
        .into_iter()
        .flatten()
        .map(inline)
        .collect();
    format!("tokscope {} on {} ({})", env!("CARGO_PKG_VERSION"), inline(&machine.hostname), about.join(", "))
}

/// Describes the load of tokscope and its machine.
fn client_load(host: &Result<HostReport, String>) -> String {
    let host = match host {
        Ok(host) => host,
        Err(why) => return format!("not available ({})", inline(why)),
    };
    let percent = |level: Option<Level>| level.map(|l| mean_and_max(l.avg, l.max, "%"));
    let mib = |mib: f64| format!("{} MiB", grouped(mib));
    let memory = || {
        let most = mib(host.memory_used_mib?.max);
        let all = host.memory_total_mib.map_or_else(String::new, |all| format!(" of {}", mib(all)));
        Some(format!("memory {most}{all} at most"))
    };
    let parts = [
        percent(host.cpu_busy_percent).map(|busy| format!("CPU {busy}")),
        memory(),
        percent(host.own_cpu_percent).map(|own| format!("tokscope {own} of one core")),
        host.own_rss_mib_max.map(|rss| format!("tokscope {} of memory", mib(rss))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "not available".to_owned() } else { parts.join("; ") }
}
