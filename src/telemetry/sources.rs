//! Table of all sources of GPU figures.

use super::SamplerConfig;
use super::source::{Open, WithSource};
use crate::domain::gpu::SIMULATED_SOURCE;

/// A source that the command line can select.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Name on the command line and in reports.
    pub name: &'static str,
    /// Description for the help text.
    pub description: &'static str,
    /// Whether the source reads other machines, at addresses that the user gives. If the user gives such an address,
    /// only remote sources are tried.
    pub is_remote: bool,
    /// Whether to try the source on this system if the user names none.
    is_default: bool,
    pub(super) open: Open,
}

/// All sources of this system. If the user names none, the first one that opens is used.
pub const SOURCES: &[Source] = &[
    Source {
        name: super::dcgm::NAME,
        description: "DCGM exporters of other machines, from --gpu-metrics-url",
        is_remote: true,
        is_default: true,
        open: super::dcgm::open,
    },
    #[cfg(any(target_os = "linux", windows))]
    Source {
        name: super::nvml::NAME,
        description: "NVIDIA's driver",
        is_remote: false,
        is_default: true,
        open: super::nvml::open,
    },
    #[cfg(target_os = "linux")]
    Source {
        name: super::amdgpu::NAME,
        description: "AMD's driver",
        is_remote: false,
        is_default: true,
        open: super::amdgpu::open,
    },
    #[cfg(unix)]
    Source {
        name: super::macmon::NAME,
        description: "Apple GPUs, through macmon",
        is_remote: false,
        // Other systems have no GPU that macmon can read.
        is_default: cfg!(target_os = "macos"),
        open: super::macmon::open,
    },
];

impl Source {
    fn is_tried(&self, config: &SamplerConfig) -> bool {
        self.is_default && self.is_remote != config.metrics_urls.is_empty()
    }
}

/// Returns the source with this name on this system.
pub fn source_by_name(name: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.name == name)
}

/// Source of GPU figures that the user chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GpuChoice {
    /// First source that opens.
    #[default]
    Auto,
    /// Source with this name.
    Only(&'static str),
    /// No GPU figures.
    None,
}

impl GpuChoice {
    /// The simulated GPU of `--demo`. It is not among [`SOURCES`], because no other run may show its figures.
    pub const SIMULATED: Self = Self::Only(SIMULATED_SOURCE);

    /// Parses the value of `--gpu`.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "none" => Some(Self::None),
            _ => source_by_name(name).map(|s| Self::Only(s.name)),
        }
    }

    /// Returns all accepted values.
    pub fn names() -> impl Iterator<Item = &'static str> {
        std::iter::once("auto").chain(SOURCES.iter().map(|s| s.name)).chain(["none"])
    }
}

/// Opens the chosen source, passes it to `then`, and closes it. The error lists the reasons of all sources tried.
pub(super) fn open(config: &SamplerConfig, then: WithSource<'_>) -> Result<(), String> {
    if config.choice == GpuChoice::SIMULATED {
        return super::simulated::open(config, then);
    }
    let opened = open_one_of(SOURCES, config, then);
    if cfg!(windows) && config.choice == GpuChoice::Auto && config.metrics_urls.is_empty() {
        return opened.map_err(|why| format!("{why}; AMD GPUs are supported only on Linux"));
    }
    opened
}

fn open_one_of(sources: &[Source], config: &SamplerConfig, then: WithSource<'_>) -> Result<(), String> {
    let mut reasons = Vec::new();
    for source in sources {
        let is_wanted = match config.choice {
            GpuChoice::Auto => source.is_tried(config),
            GpuChoice::Only(name) => name == source.name,
            GpuChoice::None => false,
        };
        if is_wanted {
            match (source.open)(config, then) {
                Ok(()) => return Ok(()),
                Err(reason) => reasons.push(reason),
            }
        }
    }
    if reasons.is_empty() {
        reasons.push("no GPU source supports this system".to_owned());
    }
    Err(reasons.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(config: &SamplerConfig) -> String {
        let stub = |name, is_remote, open| Source { name, description: "", is_remote, is_default: true, open };
        let sources = [
            stub("far", true, |_, _| Err("far is dead".to_owned())),
            stub("one", false, |_, _| Err("no one".to_owned())),
            stub("two", false, |_, _| Err("no two".to_owned())),
        ];
        open_one_of(&sources, config, &mut |_source| {}).unwrap_err()
    }

    #[test]
    fn reasons_of_all_tried_sources_are_joined() {
        let config = |choice, urls: &[&str]| SamplerConfig {
            choice,
            metrics_urls: urls.iter().map(|&url| url.to_owned()).collect(),
            ..SamplerConfig::default()
        };
        assert_eq!(reason(&config(GpuChoice::Auto, &[])), "no one; no two");
        assert_eq!(reason(&config(GpuChoice::Auto, &["http://far"])), "far is dead", "local sources are not tried");
        assert_eq!(reason(&config(GpuChoice::Only("two"), &[])), "no two");
        assert!(reason(&config(GpuChoice::None, &[])).starts_with("no GPU source"));
    }

    #[cfg(unix)]
    #[test]
    fn macmon_is_tried_by_default_only_on_macos() {
        let macmon = source_by_name(crate::telemetry::macmon::NAME).unwrap();
        let far = SamplerConfig { metrics_urls: vec!["http://far".to_owned()], ..SamplerConfig::default() };
        assert_eq!(macmon.is_tried(&SamplerConfig::default()), cfg!(target_os = "macos"));
        assert!(!macmon.is_tried(&far));
    }

    #[test]
    fn every_listed_name_is_parsed() {
        assert_eq!(GpuChoice::by_name("auto"), Some(GpuChoice::Auto));
        assert_eq!(GpuChoice::by_name("voodoo"), None);
        assert!(GpuChoice::names().all(|name| GpuChoice::by_name(name).is_some()));
        assert_eq!(GpuChoice::names().count(), SOURCES.len() + 2);
    }
}
