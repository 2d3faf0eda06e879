//! A line of `macmon pipe --soc-info`: what it tells of an Apple GPU, and of the memory that it shares with the processor.
//!
//! With version 0.8 its names changed. Since then it tells the share of the time in which the GPU worked; before, it told
//! that share only as weighted by the clock. What it does not find reads 0, in newer versions partly `null`.

use serde_json::Value;

use crate::domain::text::sanitise_line;

/// What no GPU of a Mac comes near to: such figures are none.
const MOST_W: f64 = 10_000.0;
const MOST_C: f64 = 150.0;
const MOST_MHZ: f64 = 100_000.0;
/// Shares are kept in few bits, and may come out a little over the whole.
const MOST_SHARE: f64 = 1.01;
/// From this share on no part of the interval can have been idle.
const BUSY_SHARE: f64 = 0.9;
/// Characters of a line that is repeated to people.
const WORDS: usize = 160;

/// What a line tells. A figure that is missing is `None`, never 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The chip's name.
    pub chip: Option<String>,
    /// The machine's, as Apple counts its models.
    pub machine: Option<String>,
    /// Cores of the GPU.
    pub gpu_cores: Option<u64>,
    /// The highest clock that the GPU may have, MHz.
    pub max_clock_mhz: Option<f64>,
    /// The machine's memory, bytes.
    pub memory_total_bytes: Option<u64>,
    /// What of it is in use by all that runs, bytes.
    pub memory_used_bytes: Option<u64>,
    /// The share of the time in which the GPU worked, percent.
    pub active_percent: Option<f64>,
    /// That share is told only as weighted by the clock.
    pub is_load_weighted: bool,
    /// The GPU's mean clock, MHz, where it worked nearly all the time: macmon takes it as the mean of four parts of the
    /// interval, and of a part in which the GPU was idle as 0, so that with some idle time it is none that the GPU had.
    pub clock_mhz: Option<f64>,
    /// The GPU's mean power, without its memory, watts.
    pub power_w: Option<f64>,
    /// The mean over the GPU's sensors, degrees Celsius.
    pub temperature_c: Option<f64>,
}

/// A line that tells nothing of a GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnreadableLine {
    /// It is not one of macmon's: its text, safe to be shown. Empty where there was none.
    Text(String),
    /// It is, and has no figure; why, in words for people.
    Bare(&'static str),
}

impl UnreadableLine {
    /// Words for people.
    pub fn words(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Bare(why) => why,
        }
    }
}

/// Reads a line.
pub fn read(line: &[u8]) -> Result<Reading, UnreadableLine> {
    let told = serde_json::from_slice(line).ok().filter(Value::is_object);
    let told = told.ok_or_else(|| UnreadableLine::Text(words(&String::from_utf8_lossy(line))))?;
    let at = |path: &str| told.pointer(path);
    let number = |path: &str, most: f64| at(path)?.as_f64().filter(|n| (0.0..=most).contains(n));
    let name = |path: &str| {
        let name = words(at(path)?.as_str()?);
        (!name.is_empty() && !name.starts_with("Unknown")).then_some(name)
    };
    if at("/soc/vm").and_then(Value::as_bool) == Some(true) {
        return Err(UnreadableLine::Bare("macOS runs in a virtual machine, which has no sensors of a GPU"));
    }

    let active = number("/gpu_active_ratio", MOST_SHARE);
    let mut names = ["/gpu_scaled_ratio", "/gpu_usage_ratio", "/gpu_usage/1"].into_iter();
    let weighted = names.find_map(|path| number(path, MOST_SHARE));
    let clock = number("/gpu_freq_mhz", MOST_MHZ).or_else(|| number("/gpu_usage/0", MOST_MHZ));
    let worked = [active, weighted, clock].into_iter().flatten().any(|any| any > 0.0);
    let power = number("/gpu_power", MOST_W);
    if active.or(weighted).or(clock).or(power).is_none() {
        return Err(UnreadableLine::Bare("it tells nothing of the GPU"));
    }

    let total = at("/memory/ram_total").and_then(Value::as_u64).filter(|bytes| *bytes > 0);
    let clocks = at("/soc/gpu_freqs").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_f64);
    Ok(Reading {
        chip: name("/soc/chip_name"),
        machine: name("/soc/mac_model"),
        gpu_cores: at("/soc/gpu_cores").and_then(Value::as_u64).filter(|cores| *cores > 0),
        max_clock_mhz: clocks.filter(|mhz| (1.0..=MOST_MHZ).contains(mhz)).reduce(f64::max),
        memory_total_bytes: total,
        // A sum of counters that are not taken at one moment, with some taken off again.
        memory_used_bytes: at("/memory/ram_usage").and_then(Value::as_u64).filter(|used| total >= Some(*used)),
        active_percent: active.map(|share| share.min(1.0) * 100.0),
        is_load_weighted: active.is_none() && weighted.is_some(),
        // The share is at least the weighted one.
        clock_mhz: clock.filter(|mhz| *mhz > 0.0 && active.or(weighted) >= Some(BUSY_SHARE)),
        // None that works takes none.
        power_w: power.filter(|watts| *watts > 0.0 || !worked),
        temperature_c: number("/temp/gpu_temp_avg", MOST_C).filter(|celsius| *celsius > 0.0),
    })
}

/// The beginning of a text, as one line that is safe to be shown.
fn words(text: &str) -> String {
    // What goes may be many times what stays.
    let text: String = text.chars().take(WORDS * 8).collect();
    let text = sanitise_line(text.trim());
    let cut: String = text.trim().chars().take(WORDS).collect();
    if cut.len() < text.trim().len() { format!("{}…", cut.trim_end()) } else { cut }
}

#[cfg(test)]
mod tests;
