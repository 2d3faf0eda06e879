//! AMD's GPUs by the files of the kernel's driver: no library, no rights, and no GPU woken that sleeps.

mod card;
mod clients;
mod names;

use std::fs;
use std::path::{Path, PathBuf};

use self::card::Card;
use super::SamplerConfig;
use super::source::{GpuSource, GpuUsers, SampleError, Use};
use crate::domain::gpu::{GpuInfo, GpuSample};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// Its name in the table of sources, and the driver's.
pub(super) const NAME: &str = "amdgpu";

/// Looks for the cards of the driver, and lends them out.
pub(super) fn open(config: &SamplerConfig, then: Use<'_>) -> Result<(), String> {
    let folder = config.sys_root.join("class/drm");
    let mut places: Vec<(u32, PathBuf)> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((card_number(entry.file_name().to_str()?)?, entry.path().join("device"))))
        .filter(|(_, device)| is_of_driver(device))
        .collect();
    places.sort_unstable();
    if places.is_empty() {
        return Err("no GPU of AMD's driver (amdgpu)".to_owned());
    }
    let cards = (0..).zip(places).map(|(index, (_, device))| Card::new(index, device, &config.amdgpu_ids)).collect();
    then(&mut Source { cards, driver: driver(config), proc_root: config.proc_root.clone() });
    Ok(())
}

/// The number of a card; what it is connected to has its name, and more.
fn card_number(name: &str) -> Option<u32> {
    name.strip_prefix("card")?.parse().ok()
}

fn is_of_driver(device: &Path) -> bool {
    fs::read_link(device.join("driver")).is_ok_and(|link| link.file_name().is_some_and(|name| name == NAME))
}

/// The version of a driver that was added to the kernel; else the kernel's own, whose part it is.
fn driver(config: &SamplerConfig) -> Option<String> {
    let added = text(&config.sys_root.join("module/amdgpu/version"));
    added.or_else(|| text(&config.proc_root.join("sys/kernel/osrelease")).map(|release| format!("kernel {release}")))
}

/// What stands in a file; `None` where it is missing, empty, or not readable now.
fn text(file: &Path) -> Option<String> {
    let text = sanitise_line(fs::read_to_string(file).ok()?.trim());
    (!text.is_empty()).then_some(text)
}

struct Source {
    cards: Vec<Card>,
    driver: Option<String>,
    proc_root: PathBuf,
}

impl GpuSource for Source {
    fn name(&self) -> &'static str {
        NAME
    }

    fn driver(&self) -> Option<&str> {
        self.driver.as_deref()
    }

    fn gpus(&self) -> Vec<GpuInfo> {
        self.cards.iter().map(|card| card.info.clone()).collect()
    }

    fn sample(&mut self, position: usize, at: Nanos) -> Result<GpuSample, SampleError> {
        let card = self.cards.get_mut(position).ok_or_else(|| SampleError::Lost("there is no such GPU".to_owned()))?;
        card.sample(at)
    }

    fn users(&mut self) -> Result<Vec<GpuUsers>, String> {
        let places: Vec<&str> = self.cards.iter().filter_map(|card| card.info.uuid.as_deref()).collect();
        Ok(clients::users_of_gpus(&self.proc_root, &places))
    }
}

#[cfg(test)]
mod tests;
