//! AMD GPUs, read from the files of the kernel driver. Needs no library and no privileges, and never wakes a sleeping
//! GPU.

mod card;
mod clients;
mod names;

use std::fs;
use std::path::{Path, PathBuf};

use self::card::Card;
use super::SamplerConfig;
use super::source::{GpuSource, GpuUsers, SampleError, WithSource};
use crate::domain::gpu::{GpuInfo, GpuSample};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// Name of this source and of the kernel driver.
pub(super) const NAME: &str = "amdgpu";

/// Finds the driver's cards and passes the opened source to `then`.
pub(super) fn open(config: &SamplerConfig, then: WithSource<'_>) -> Result<(), String> {
    let folder = config.sys_root.join("class/drm");
    let mut devices: Vec<(u32, PathBuf)> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((card_number(entry.file_name().to_str()?)?, entry.path().join("device"))))
        .filter(|(_, device)| uses_amdgpu(device))
        .collect();
    devices.sort_unstable();
    if devices.is_empty() {
        return Err("no AMD GPU with the amdgpu driver".to_owned());
    }
    let cards = (0..).zip(devices).map(|(index, (_, device))| Card::new(index, device, &config.amdgpu_ids)).collect();
    then(&mut AmdgpuSource { cards, driver: driver(config), proc_root: config.proc_root.clone() });
    Ok(())
}

/// Parses the number of a card. Returns `None` for the card's connectors, such as `card0-DP-1`.
fn card_number(name: &str) -> Option<u32> {
    name.strip_prefix("card")?.parse().ok()
}

fn uses_amdgpu(device: &Path) -> bool {
    fs::read_link(device.join("driver")).is_ok_and(|link| link.file_name().is_some_and(|name| name == NAME))
}

/// Returns the version of a separately installed driver; otherwise of the kernel, which includes the driver.
fn driver(config: &SamplerConfig) -> Option<String> {
    let added = text(&config.sys_root.join("module/amdgpu/version"));
    added.or_else(|| text(&config.proc_root.join("sys/kernel/osrelease")).map(|release| format!("kernel {release}")))
}

/// Returns the trimmed content of a file; `None` if the file is missing, empty or not readable now.
fn text(file: &Path) -> Option<String> {
    let text = sanitise_line(fs::read_to_string(file).ok()?.trim());
    (!text.is_empty()).then_some(text)
}

struct AmdgpuSource {
    cards: Vec<Card>,
    driver: Option<String>,
    proc_root: PathBuf,
}

impl GpuSource for AmdgpuSource {
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
        let card = self.cards.get_mut(position).ok_or_else(|| SampleError::Lost("no such GPU".to_owned()))?;
        card.sample(at)
    }

    fn users(&mut self) -> Result<Vec<GpuUsers>, String> {
        let slots: Vec<&str> = self.cards.iter().filter_map(|card| card.info.uuid.as_deref()).collect();
        Ok(clients::users_of_gpus(&self.proc_root, &slots))
    }
}

#[cfg(test)]
mod tests;
