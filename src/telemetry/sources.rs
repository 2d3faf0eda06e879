//! Where GPU figures can come from.

use super::SamplerConfig;
use super::source::{Open, Use};

/// A source, as the command line knows it.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Its name, on the command line and in reports.
    pub name: &'static str,
    /// What it reads.
    pub what: &'static str,
    /// Whether it reads other machines, at the addresses that the user gives. Sources of this machine are tried only
    /// without such an address.
    pub is_remote: bool,
    /// Whether it is tried on this system while the user names no source.
    is_usual: bool,
    pub(super) open: Open,
}

/// All sources of this system. Where none is named, the first that opens is the one.
pub const SOURCES: &[Source] = &[
    Source {
        name: super::dcgm::NAME,
        what: "exporters of other machines, by --gpu-metrics-url",
        is_remote: true,
        is_usual: true,
        open: super::dcgm::open,
    },
    #[cfg(any(target_os = "linux", windows))]
    Source {
        name: super::nvml::NAME,
        what: "NVIDIA's driver",
        is_remote: false,
        is_usual: true,
        open: super::nvml::open,
    },
    #[cfg(target_os = "linux")]
    Source {
        name: super::amdgpu::NAME,
        what: "AMD's driver",
        is_remote: false,
        is_usual: true,
        open: super::amdgpu::open,
    },
    #[cfg(unix)]
    Source {
        name: super::macmon::NAME,
        what: "Apple's GPUs, by the program macmon",
        is_remote: false,
        // Other systems have no GPU that macmon could read.
        is_usual: cfg!(target_os = "macos"),
        open: super::macmon::open,
    },
];

impl Source {
    fn is_tried(&self, config: &SamplerConfig) -> bool {
        self.is_usual && self.is_remote != config.metrics_urls.is_empty()
    }
}

/// The source of that name on this system.
pub fn source_by_name(name: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.name == name)
}

/// Which source is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GpuChoice {
    /// The first that opens.
    #[default]
    Auto,
    /// The one of that name, or none.
    Only(&'static str),
    /// GPUs are not looked at.
    None,
}

impl GpuChoice {
    /// What a user may type for it.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "none" => Some(Self::None),
            _ => source_by_name(name).map(|s| Self::Only(s.name)),
        }
    }

    /// All that may be typed.
    pub fn names() -> impl Iterator<Item = &'static str> {
        std::iter::once("auto").chain(SOURCES.iter().map(|s| s.name)).chain(["none"])
    }
}

/// Opens the source that is wanted, lends it out, and closes it; an error has the reasons of all that were tried.
pub(super) fn open(config: &SamplerConfig, then: Use<'_>) -> Result<(), String> {
    let opened = open_one_of(SOURCES, config, then);
    if cfg!(windows) && config.choice == GpuChoice::Auto && config.metrics_urls.is_empty() {
        return opened.map_err(|why| format!("{why}; AMD's GPUs are read on Linux only"));
    }
    opened
}

fn open_one_of(sources: &[Source], config: &SamplerConfig, then: Use<'_>) -> Result<(), String> {
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
        reasons.push("GPU figures come from drivers that do not exist for this system".to_owned());
    }
    Err(reasons.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(config: &SamplerConfig) -> String {
        let fake = |name, is_remote, open| Source { name, what: "", is_remote, is_usual: true, open };
        let sources = [
            fake("far", true, |_, _| Err("far is dead".to_owned())),
            fake("one", false, |_, _| Err("no one".to_owned())),
            fake("two", false, |_, _| Err("no two".to_owned())),
        ];
        open_one_of(&sources, config, &mut |_source| {}).unwrap_err()
    }

    #[test]
    fn the_reasons_of_all_that_were_tried_are_one_line() {
        let config = |choice, urls: &[&str]| SamplerConfig {
            choice,
            metrics_urls: urls.iter().map(|&url| url.to_owned()).collect(),
            ..SamplerConfig::default()
        };
        assert_eq!(reason(&config(GpuChoice::Auto, &[])), "no one; no two");
        assert_eq!(reason(&config(GpuChoice::Auto, &["http://far"])), "far is dead", "and not this machine's");
        assert_eq!(reason(&config(GpuChoice::Only("two"), &[])), "no two");
        assert!(reason(&config(GpuChoice::None, &[])).starts_with("GPU figures come from drivers"));
    }

    #[cfg(unix)]
    #[test]
    fn macmon_is_tried_by_itself_on_macs_alone() {
        let macmon = source_by_name(crate::telemetry::macmon::NAME).unwrap();
        let far = SamplerConfig { metrics_urls: vec!["http://far".to_owned()], ..SamplerConfig::default() };
        assert_eq!(macmon.is_tried(&SamplerConfig::default()), cfg!(target_os = "macos"));
        assert!(!macmon.is_tried(&far));
    }

    #[test]
    fn what_may_be_typed_is_understood() {
        assert_eq!(GpuChoice::by_name("auto"), Some(GpuChoice::Auto));
        assert_eq!(GpuChoice::by_name("voodoo"), None);
        assert!(GpuChoice::names().all(|name| GpuChoice::by_name(name).is_some()));
        assert_eq!(GpuChoice::names().count(), SOURCES.len() + 2);
    }
}
