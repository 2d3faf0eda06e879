//! GPUs of other machines, as NVIDIA's DCGM exporter tells of them on a page of metrics.
//!
//! The exporter reads its sensors out at a pace of its own, by default every 30 s, and shows the same page meanwhile. A page
//! on which nothing changed is no sample; what stands on the first one is as old as it likes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::SamplerConfig;
use super::page::Fetcher;
use super::source::{GpuSource, SampleError, Use};
use crate::domain::gpu::{GpuInfo, GpuSample, MemoryKind};
use crate::domain::gpu_scope::GpuScope;
use crate::domain::time::Nanos;
use crate::protocol::dcgm::{Key, Reading, read};
use crate::protocol::url::without_secrets;

/// Its name in the table of sources.
pub const NAME: &str = "dcgm";
/// A page costs its machine something: never more often.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// How often a page that did not answer is asked for again: each time may take as long as a page may take.
const ASK_SILENT_EVERY: Duration = Duration::from_secs(5);

/// Sets up to read the pages. They may answer later: that there is none yet is no end.
pub(super) fn open(config: &SamplerConfig, then: Use<'_>) -> Result<(), String> {
    if config.metrics_urls.is_empty() {
        return Err("no page of a DCGM exporter was given (--gpu-metrics-url)".to_owned());
    }
    let pages = config.metrics_urls.iter().map(|url| Page::new(url.clone())).collect();
    then(&mut Source { fetcher: Fetcher::new()?, pages, gpus: Vec::new(), driver: None });
    Ok(())
}

struct Source {
    fetcher: Fetcher,
    pages: Vec<Page>,
    gpus: Vec<Gpu>,
    driver: Option<String>,
}

/// An address, and what was last seen there.
struct Page {
    url: String,
    readings: Vec<Reading>,
    state: State,
    asked: Option<Nanos>,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    /// Not asked yet.
    Unknown,
    /// It had figures for the first time: nobody knows since when they stand there.
    First,
    /// Other figures than before.
    New,
    /// The same as before.
    Same,
    /// None, and why.
    Silent(String),
}

/// A GPU or a slice: one that two pages tell of is one.
struct Gpu {
    info: GpuInfo,
    page: usize,
    key: Key,
}

impl Page {
    const fn new(url: String) -> Self {
        Self { url, readings: Vec::new(), state: State::Unknown, asked: None }
    }

    fn is_due(&self, at: Nanos) -> bool {
        let is_silent = matches!(self.state, State::Silent(_));
        !is_silent || self.asked.is_none_or(|asked| at.since(asked) >= ASK_SILENT_EVERY)
    }

    fn take(&mut self, at: Nanos, page: Result<String, String>) {
        self.asked = Some(at);
        let readings = page.and_then(|page| match read(&page) {
            none if none.is_empty() => Err("the page tells of no GPU as a DCGM exporter does".to_owned()),
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

    /// What is wrong with it, with its address.
    fn trouble(&self) -> Option<String> {
        let State::Silent(why) = &self.state else { return None };
        Some(format!("{}: {why}", without_secrets(&self.url)))
    }
}

impl Source {
    /// Adds the GPUs that a page tells of for the first time, and what it tells of the others that changes seldom.
    fn find(&mut self, at_page: usize) {
        let Some(page) = self.pages.get(at_page) else { return };
        for reading in &page.readings {
            let info = info(reading, &page.url);
            match self.gpus.iter_mut().find(|gpu| gpu.info.uuid == info.uuid) {
                Some(known) if known.page == at_page => known.info = GpuInfo { index: known.info.index, ..info },
                Some(_) => {}
                None => {
                    let index = u32::try_from(self.gpus.len()).unwrap_or(u32::MAX);
                    let info = GpuInfo { index, ..info };
                    self.gpus.push(Gpu { info, page: at_page, key: reading.key.clone() });
                }
            }
        }
        let drivers: BTreeSet<&str> =
            self.pages.iter().flat_map(|p| &p.readings).filter_map(|r| r.driver.as_deref()).collect();
        let drivers: Vec<&str> = drivers.into_iter().collect();
        self.driver = (!drivers.is_empty()).then(|| drivers.join(", "));
    }

    fn troubles(&self) -> Vec<String> {
        self.pages.iter().filter_map(Page::trouble).collect()
    }
}

impl GpuSource for Source {
    fn name(&self) -> &'static str {
        NAME
    }

    fn shortest_interval(&self) -> Duration {
        SHORTEST_INTERVAL
    }

    fn begin_look(&mut self, at: Nanos) {
        let due: Vec<usize> = (0..self.pages.len()).filter(|page| self.pages[*page].is_due(at)).collect();
        let urls: Vec<&str> = due.iter().map(|page| self.pages[*page].url.as_str()).collect();
        let answers = self.fetcher.fetch_all(&urls);
        for (page, answer) in due.into_iter().zip(answers) {
            self.pages[page].take(at, answer);
            self.find(page);
        }
    }

    fn driver(&self) -> Option<&str> {
        self.driver.as_deref()
    }

    fn gpus(&self) -> Vec<GpuInfo> {
        self.gpus.iter().map(|g| g.info.clone()).collect()
    }

    fn absent(&self) -> Option<String> {
        let troubles = self.troubles();
        (self.gpus.is_empty() && !troubles.is_empty()).then(|| troubles.join("; "))
    }

    fn scope(&self) -> Option<GpuScope> {
        if let Some(why) = self.absent() {
            return Some(GpuScope::Unknown { why });
        }
        let hosts: BTreeSet<&str> = self.gpus.iter().filter_map(|g| g.info.host.as_deref()).collect();
        let hosts: Vec<&str> = hosts.into_iter().collect();
        let figures = format!("figures of {} by --gpu-metrics-url", hosts.join(", "));
        let evidence = std::iter::once(figures).chain(self.troubles()).collect::<Vec<_>>().join("; ");
        let gpus: Vec<String> = self.gpus.iter().filter_map(|g| g.info.uuid.clone()).collect();
        (!gpus.is_empty()).then_some(GpuScope::EndpointHost { evidence, gpus })
    }

    fn sample(&mut self, position: usize, at: Nanos) -> Result<GpuSample, SampleError> {
        let gone = || SampleError::Silent("its page no longer tells of it".to_owned());
        let gpu = self.gpus.get(position).ok_or_else(gone)?;
        let page = self.pages.get(gpu.page).ok_or_else(gone)?;
        let at = match &page.state {
            State::Silent(why) => return Err(SampleError::Silent(why.clone())),
            State::Same | State::Unknown => return Err(SampleError::Unchanged),
            // Taken at some time before it was first seen, and so not in a run that began meanwhile.
            State::First => Nanos::default(),
            State::New => at,
        };
        let reading = page.readings.iter().find(|r| r.key == gpu.key).ok_or_else(gone)?;
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

/// What does not change, its place in the list apart.
fn info(reading: &Reading, url: &str) -> GpuInfo {
    let key = &reading.key;
    let host = key.host.clone().or_else(|| host_of(url));
    let number = key.gpu.map_or_else(String::new, |gpu| gpu.to_string());
    let whole = key.uuid.clone().unwrap_or_else(|| format!("{}/{number}", host.as_deref().unwrap_or_default()));
    let total = reading.memory_total_bytes();
    let because = |is_told: bool, why: &str| (!is_told).then(|| why.to_owned());
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
            "the exporter leaves DCGM_FI_DEV_FB_USED out",
        ),
        utilization_unknown_because: because(
            reading.utilization_percent().is_some(),
            &format!("the exporter leaves {load} out"),
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
