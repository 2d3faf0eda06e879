//! GPUs of other machines, read from metrics pages of NVIDIA's DCGM exporter.
//!
//! The exporter reads its sensors at its own interval, by default every 30 s, and serves the same page in between. An
//! unchanged page is therefore no new sample, and the age of the first page is unknown.

use std::collections::BTreeSet;
use std::time::Duration;

use super::SamplerConfig;
use super::page::Fetcher;
use super::source::{GpuSource, SampleError, WithSource};
use crate::domain::gpu::{GpuInfo, GpuSample, MemoryKind};
use crate::domain::gpu_scope::GpuScope;
use crate::domain::time::Nanos;
use crate::protocol::dcgm::{Key, Reading, read};
use crate::protocol::url::without_secrets;

/// Name of this source.
pub const NAME: &str = "dcgm";
/// Minimum interval between reads: each read costs the exporter's machine some work.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// Interval between reads of a page that did not respond: each try may take until the timeout.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Opens the source. Pages that do not respond yet are no error, because they may respond later.
pub(super) fn open(config: &SamplerConfig, then: WithSource<'_>) -> Result<(), String> {
    if config.metrics_urls.is_empty() {
        return Err("no DCGM exporter given; pass --gpu-metrics-url".to_owned());
    }
    let pages = config.metrics_urls.iter().map(|url| Page::new(url.clone())).collect();
    then(&mut DcgmSource { fetcher: Fetcher::new()?, pages, gpus: Vec::new(), driver: None });
    Ok(())
}

struct DcgmSource {
    fetcher: Fetcher,
    pages: Vec<Page>,
    gpus: Vec<Gpu>,
    driver: Option<String>,
}

/// One page and its latest content.
struct Page {
    url: String,
    readings: Vec<Reading>,
    state: State,
    read_at: Option<Nanos>,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    /// Not read yet.
    Unknown,
    /// First page with figures, which are of unknown age.
    First,
    /// Figures that differ from those before.
    New,
    /// Same figures as before.
    Same,
    /// No figures, for this reason.
    Silent(String),
}

/// A GPU or slice. If two pages report the same one, only the first counts.
struct Gpu {
    info: GpuInfo,
    page: usize,
    key: Key,
}

impl Page {
    const fn new(url: String) -> Self {
        Self { url, readings: Vec::new(), state: State::Unknown, read_at: None }
    }

    fn is_due(&self, at: Nanos) -> bool {
        let is_silent = matches!(self.state, State::Silent(_));
        !is_silent || self.read_at.is_none_or(|read_at| at.since(read_at) >= RETRY_INTERVAL)
    }

    fn update(&mut self, at: Nanos, page: Result<String, String>) {
        self.read_at = Some(at);
        let readings = page.and_then(|page| match read(&page) {
            none if none.is_empty() => Err("the page has no DCGM metrics of a GPU".to_owned()),
            readings => Ok(readings),
        });
        self.state = match readings {
            Err(why) => State::Silent(why),
            Ok(same) if same == self.readings => State::Same,
            Ok(readings) => {
                let is_first = self.readings.is_empty();
                self.readings = readings;
                if is_first { State::First } else { State::New }
            }
        };
    }

    /// Returns the problem of the page and its address, without secrets.
    fn problem(&self) -> Option<String> {
        let State::Silent(why) = &self.state else { return None };
        Some(format!("{}: {why}", without_secrets(&self.url)))
    }
}

impl DcgmSource {
    /// Adds the GPUs that a page reports for the first time, and updates the properties of known ones.
    fn update_gpus(&mut self, page_index: usize) {
        let Some(page) = self.pages.get(page_index) else { return };
        for reading in &page.readings {
            let info = info(reading, &page.url);
            match self.gpus.iter_mut().find(|gpu| gpu.info.uuid == info.uuid) {
                Some(known) if known.page == page_index => known.info = GpuInfo { index: known.info.index, ..info },
                Some(_) => {}
                None => {
                    let index = u32::try_from(self.gpus.len()).unwrap_or(u32::MAX);
                    let info = GpuInfo { index, ..info };
                    self.gpus.push(Gpu { info, page: page_index, key: reading.key.clone() });
                }
            }
        }
        let drivers: BTreeSet<&str> =
            self.pages.iter().flat_map(|p| &p.readings).filter_map(|r| r.driver.as_deref()).collect();
        let drivers: Vec<&str> = drivers.into_iter().collect();
        self.driver = (!drivers.is_empty()).then(|| drivers.join(", "));
    }

    fn problems(&self) -> Vec<String> {
        self.pages.iter().filter_map(Page::problem).collect()
    }
}

impl GpuSource for DcgmSource {
    fn name(&self) -> &'static str {
        NAME
    }

    fn min_interval(&self) -> Duration {
        MIN_INTERVAL
    }

    fn prepare(&mut self, at: Nanos) {
        let due_pages: Vec<usize> = (0..self.pages.len()).filter(|page| self.pages[*page].is_due(at)).collect();
        let urls: Vec<&str> = due_pages.iter().map(|page| self.pages[*page].url.as_str()).collect();
        let answers = self.fetcher.fetch_all(&urls);
        for (page, answer) in due_pages.into_iter().zip(answers) {
            self.pages[page].update(at, answer);
            self.update_gpus(page);
        }
    }

    fn driver(&self) -> Option<&str> {
        self.driver.as_deref()
    }

    fn gpus(&self) -> Vec<GpuInfo> {
        self.gpus.iter().map(|g| g.info.clone()).collect()
    }

    fn absent(&self) -> Option<String> {
        let problems = self.problems();
        (self.gpus.is_empty() && !problems.is_empty()).then(|| problems.join("; "))
    }

    fn scope(&self) -> Option<GpuScope> {
        if let Some(why) = self.absent() {
            return Some(GpuScope::Unknown { why });
        }
        let hosts: BTreeSet<&str> = self.gpus.iter().filter_map(|g| g.info.host.as_deref()).collect();
        let hosts: Vec<&str> = hosts.into_iter().collect();
        let figures = format!("figures of {} from --gpu-metrics-url", hosts.join(", "));
        let evidence = std::iter::once(figures).chain(self.problems()).collect::<Vec<_>>().join("; ");
        let gpus: Vec<String> = self.gpus.iter().filter_map(|g| g.info.uuid.clone()).collect();
        (!gpus.is_empty()).then_some(GpuScope::EndpointHost { evidence, gpus })
    }

    fn sample(&mut self, position: usize, at: Nanos) -> Result<GpuSample, SampleError> {
        let missing = || SampleError::Silent("the exporter no longer reports this GPU".to_owned());
        let gpu = self.gpus.get(position).ok_or_else(missing)?;
        let page = self.pages.get(gpu.page).ok_or_else(missing)?;
        let at = match &page.state {
            State::Silent(why) => return Err(SampleError::Silent(why.clone())),
            State::Same | State::Unknown => return Err(SampleError::Unchanged),
            // The exporter measured these figures before the first read, at an unknown time. They must not count
            // towards a run that started in between.
            State::First => Nanos::default(),
            State::New => at,
        };
        let reading = page.readings.iter().find(|r| r.key == gpu.key).ok_or_else(missing)?;
        Ok(GpuSample {
            at,
            index: gpu.info.index,
            memory_used_bytes: reading.memory_used_bytes(),
            memory_reserved_bytes: reading.memory_reserved_bytes(),
            utilization_percent: reading.utilization_percent(),
            power_w: reading.power_w(),
            temperature_c: reading.temperature_c(),
            sm_clock_mhz: reading.sm_clock_mhz(),
            energy_j: reading.energy_j(),
            throttle: reading.throttle(),
        })
    }
}

/// Returns the fixed properties of a GPU, except for its index.
fn info(reading: &Reading, url: &str) -> GpuInfo {
    let key = &reading.key;
    let host = key.host.clone().or_else(|| host_of(url));
    let number = key.gpu.map_or_else(String::new, |gpu| gpu.to_string());
    let whole = key.uuid.clone().unwrap_or_else(|| format!("{}/{number}", host.as_deref().unwrap_or_default()));
    let total = reading.memory_total_bytes();
    let because = |is_reported: bool, why: &str| (!is_reported).then(|| why.to_owned());
    let load = if key.slice.is_some() { "DCGM_FI_PROF_GR_ENGINE_ACTIVE" } else { "DCGM_FI_DEV_GPU_UTIL" };
    GpuInfo {
        index: 0,
        uuid: Some(key.slice.map_or_else(|| whole.clone(), |slice| format!("{whole}/{slice}"))),
        model: reading.model.clone().unwrap_or_else(|| "NVIDIA GPU".to_owned()),
        vendor: Some("NVIDIA".to_owned()),
        is_part_of_chip: false,
        memory_total_bytes: total.map(|(bytes, _)| bytes),
        memory_total_is_least: total.is_some_and(|(_, is_least)| is_least),
        memory_unknown_because: because(
            reading.memory_used_bytes().is_some(),
            "the exporter does not report DCGM_FI_DEV_FB_USED",
        ),
        utilization_unknown_because: because(
            reading.utilization_percent().is_some(),
            &format!("the exporter does not report {load}"),
        ),
        power_limit_w: reading.power_limit_w(),
        memory_kind: if key.slice.is_some() { MemoryKind::Slice } else { MemoryKind::Dedicated },
        max_sm_clock_mhz: reading.max_sm_clock_mhz(),
        parent_uuid: key.slice.map(|_| whole),
        host,
        memory_used_includes_reserved: false,
        memory_used_is_machines: false,
    }
}

fn host_of(url: &str) -> Option<String> {
    Some(reqwest::Url::parse(url).ok()?.host_str()?.to_owned())
}

#[cfg(test)]
mod tests;
