//! Parser for a line of `macmon pipe --soc-info`: figures of an Apple GPU, and of the memory that the GPU shares with
//! the processor.
//!
//! Version 0.8 renamed the fields and added the share of time in which the GPU was active. Older versions report only
//! that share weighted by the clock. Missing values are 0, in newer versions partly `null`.

use serde_json::Value;

use crate::domain::text::sanitise_line;

/// Upper bounds that no Mac's GPU reaches. Larger figures count as missing.
const MAX_W: f64 = 10_000.0;
const MAX_C: f64 = 150.0;
const MAX_MHZ: f64 = 100_000.0;
/// Shares are stored with few bits and may slightly exceed 1.
const MAX_SHARE: f64 = 1.01;
/// Minimum active share that proves that no quarter of the interval was idle.
const BUSY_SHARE: f64 = 0.9;
/// Maximum length of a line that is quoted to the user, in characters.
const MAX_TEXT_CHARS: usize = 160;

/// Figures of one line. A missing figure is `None`, never 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Name of the chip.
    pub chip: Option<String>,
    /// Apple's model identifier of the machine, such as `Mac15,9`.
    pub machine: Option<String>,
    /// Number of GPU cores.
    pub gpu_cores: Option<u64>,
    /// Maximum clock of the GPU, MHz.
    pub max_clock_mhz: Option<f64>,
    /// Total memory of the machine, bytes.
    pub memory_total_bytes: Option<u64>,
    /// Memory in use by all processes, bytes.
    pub memory_used_bytes: Option<u64>,
    /// Share of time in which the GPU was active, percent.
    pub active_percent: Option<f64>,
    /// Whether macmon reports the active share only weighted by the clock.
    pub is_load_weighted: bool,
    /// Mean clock of the GPU, MHz; `None` unless the GPU was active nearly all the time. macmon averages four parts of
    /// the interval and counts an idle part as 0 MHz. With any idle time, the mean would be a clock that the GPU never
    /// had.
    pub clock_mhz: Option<f64>,
    /// Mean power of the GPU without its memory, watts.
    pub power_w: Option<f64>,
    /// Mean over the GPU's temperature sensors, °C.
    pub temperature_c: Option<f64>,
}

/// A line without GPU figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnreadableLine {
    /// Text that is not from macmon, sanitised for display. Empty if there was none.
    Text(String),
    /// A line of macmon without GPU figures, and the reason for the user.
    NoFigures(&'static str),
}

impl UnreadableLine {
    /// Explains the line to the user.
    pub fn reason(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::NoFigures(why) => why,
        }
    }
}

/// Parses a line.
pub fn read(line: &[u8]) -> Result<Reading, UnreadableLine> {
    let object = serde_json::from_slice(line).ok().filter(Value::is_object);
    let object = object.ok_or_else(|| UnreadableLine::Text(displayable(&String::from_utf8_lossy(line))))?;
    let at = |path: &str| object.pointer(path);
    let number = |path: &str, max: f64| at(path)?.as_f64().filter(|n| (0.0..=max).contains(n));
    let name = |path: &str| {
        let name = displayable(at(path)?.as_str()?);
        (!name.is_empty() && !name.starts_with("Unknown")).then_some(name)
    };
    if at("/soc/vm").and_then(Value::as_bool) == Some(true) {
        return Err(UnreadableLine::NoFigures("macOS runs in a virtual machine, which has no GPU sensors"));
    }

    let active = number("/gpu_active_ratio", MAX_SHARE);
    let mut names = ["/gpu_scaled_ratio", "/gpu_usage_ratio", "/gpu_usage/1"].into_iter();
    let weighted = names.find_map(|path| number(path, MAX_SHARE));
    let clock = number("/gpu_freq_mhz", MAX_MHZ).or_else(|| number("/gpu_usage/0", MAX_MHZ));
    let was_active = [active, weighted, clock].into_iter().flatten().any(|any| any > 0.0);
    let power = number("/gpu_power", MAX_W);
    if active.or(weighted).or(clock).or(power).is_none() {
        return Err(UnreadableLine::NoFigures("macmon reports no GPU figures"));
    }

    let total = at("/memory/ram_total").and_then(Value::as_u64).filter(|bytes| *bytes > 0);
    let clocks = at("/soc/gpu_freqs").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_f64);
    Ok(Reading {
        chip: name("/soc/chip_name"),
        machine: name("/soc/mac_model"),
        gpu_cores: at("/soc/gpu_cores").and_then(Value::as_u64).filter(|cores| *cores > 0),
        max_clock_mhz: clocks.filter(|mhz| (1.0..=MAX_MHZ).contains(mhz)).reduce(f64::max),
        memory_total_bytes: total,
        // The sum may exceed the total: macmon combines counters that it reads at different times.
        memory_used_bytes: at("/memory/ram_usage").and_then(Value::as_u64).filter(|used| total >= Some(*used)),
        active_percent: active.map(|share| share.min(1.0) * 100.0),
        is_load_weighted: active.is_none() && weighted.is_some(),
        // Use the weighted share if the active share is missing: it is never larger.
        clock_mhz: clock.filter(|mhz| *mhz > 0.0 && active.or(weighted) >= Some(BUSY_SHARE)),
        // A GPU that was active used power, so 0 W means a missing sensor.
        power_w: power.filter(|watts| *watts > 0.0 || !was_active),
        temperature_c: number("/temp/gpu_temp_avg", MAX_C).filter(|celsius| *celsius > 0.0),
    })
}

/// Returns the start of a text as one line that is safe to display.
fn displayable(text: &str) -> String {
    // Keep a longer prefix first, because sanitising may remove most of its characters.
    let text: String = text.chars().take(MAX_TEXT_CHARS * 8).collect();
    let text = sanitise_line(text.trim());
    let cut: String = text.trim().chars().take(MAX_TEXT_CHARS).collect();
    if cut.len() < text.trim().len() { format!("{}…", cut.trim_end()) } else { cut }
}

#[cfg(test)]
mod tests;
