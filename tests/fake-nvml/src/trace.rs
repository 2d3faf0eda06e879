//! Parser for traces, which define the library's answers.

use std::collections::BTreeMap;
use std::ops::Range;

/// Clock of a trace. All times of the trace are its milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Clock {
    Wall,
    Calls,
    Manual,
}

/// A value for a function, or for all functions with a device, during some time.
#[derive(Debug)]
struct Rule {
    function: String,
    value: u64,
    when: Range<u64>,
}

impl Rule {
    fn parse(words: &[&str]) -> Option<Self> {
        let [function, value, when @ ..] = words else { return None };
        let from = when.first().map_or(Some(0), |w| w.parse().ok())?;
        let to = when.get(1).map_or(Some(u64::MAX), |w| w.parse().ok())?;
        Some(Self { function: (*function).to_owned(), value: value.parse().ok()?, when: from..to })
    }

    fn holds(&self, function: &str, of_device: bool, at: u64) -> bool {
        (self.function == function || of_device && self.function == "*") && self.when.contains(&at)
    }
}

/// A GPU, or the slice in one of its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeviceId {
    pub(crate) gpu: u32,
    pub(crate) slot: Option<u32>,
}

impl DeviceId {
    /// Parses `0` for a GPU or `0.2` for a slice.
    fn parse(word: &str) -> Option<Self> {
        match word.split_once('.') {
            Some((gpu, slot)) => Some(Self { gpu: gpu.parse().ok()?, slot: Some(slot.parse().ok()?) }),
            None => Some(Self { gpu: word.parse().ok()?, slot: None }),
        }
    }
}

/// Values of each key with their start times, in order of time.
type Keys = BTreeMap<String, Vec<(u64, String)>>;

/// One process on a GPU.
#[derive(Debug)]
pub(crate) struct Process {
    on: DeviceId,
    when: Range<u64>,
    pub(crate) pid: u32,
    /// Memory; `None` if the driver cannot report it.
    pub(crate) bytes: Option<u64>,
    kind: char,
}

/// A parsed trace.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) driver: Option<String>,
    pub(crate) cuda: Option<u32>,
    pub(crate) clock: Clock,
    pub(crate) missing: Vec<String>,
    /// Number of GPUs in the trace.
    pub(crate) gpus: u32,
    devices: BTreeMap<DeviceId, Keys>,
    errors: Vec<Rule>,
    delays: Vec<Rule>,
    processes: Vec<Process>,
}

const TEXTS: [&str; 2] = ["name", "uuid"];
const NUMBERS: [&str; 13] = [
    "total",
    "reserved",
    "used",
    "power",
    "plimit",
    "temp",
    "util",
    "smclock",
    "maxsmclock",
    "throttle",
    "energy",
    "migmode",
    "lost",
];

impl Trace {
    /// Parses a trace. An error names the line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut trace = Self {
            driver: None,
            cuda: None,
            clock: Clock::Wall,
            missing: Vec::new(),
            gpus: 0,
            devices: BTreeMap::new(),
            errors: Vec::new(),
            delays: Vec::new(),
            processes: Vec::new(),
        };
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = line.split_whitespace().collect();
            trace.line(&words).ok_or_else(|| format!("line {} of the trace: '{line}'", number + 1))?;
        }
        Ok(trace)
    }

    fn line(&mut self, words: &[&str]) -> Option<()> {
        match words {
            [] => {}
            ["driver", version] => self.driver = Some((*version).to_owned()),
            ["cuda", version] => self.cuda = Some(version.parse().ok()?),
            ["clock", "wall"] => self.clock = Clock::Wall,
            ["clock", "calls"] => self.clock = Clock::Calls,
            ["clock", "manual"] => self.clock = Clock::Manual,
            ["missing", function] => self.missing.push((*function).to_owned()),
            ["at", time, rest @ ..] => self.set(time.parse().ok()?, rest)?,
            ["gpu" | "mig", ..] => self.set(0, words)?,
            ["err", rule @ ..] => self.errors.push(Rule::parse(rule)?),
            ["delay", rule @ ..] => self.delays.push(Rule::parse(rule)?),
            ["proc", on, from, to, pid, bytes, kind @ ("C" | "G")] => self.processes.push(Process {
                on: DeviceId::parse(on)?,
                when: from.parse().ok()?..to.parse().ok()?,
                pid: pid.parse().ok()?,
                bytes: if *bytes == "-1" { None } else { Some(bytes.parse().ok()?) },
                kind: kind.chars().next()?,
            }),
            _ => return None,
        }
        Some(())
    }

    fn set(&mut self, from: u64, words: &[&str]) -> Option<()> {
        let (which, pairs) = match words {
            ["gpu", gpu, pairs @ ..] => (DeviceId { gpu: gpu.parse().ok()?, slot: None }, pairs),
            ["mig", gpu, slot, pairs @ ..] => {
                (DeviceId { gpu: gpu.parse().ok()?, slot: Some(slot.parse().ok()?) }, pairs)
            }
            _ => return None,
        };
        self.gpus = self.gpus.max(which.gpu + 1);
        let keys = self.devices.entry(which).or_default();
        for pair in pairs {
            let (key, value) = pair.split_once('=')?;
            let known = TEXTS.contains(&key) || NUMBERS.contains(&key) && value.parse::<u64>().is_ok();
            let values = keys.entry(known.then(|| key.to_owned())?).or_default();
            values.push((from, value.replace('_', " ")));
            values.sort_by_key(|v| v.0);
        }
        Some(())
    }

    /// Whether this slot has a slice.
    pub(crate) fn has(&self, which: DeviceId) -> bool {
        self.devices.contains_key(&which)
    }

    /// Value of a key at this time.
    pub(crate) fn text(&self, device: DeviceId, key: &str, at: u64) -> Option<&str> {
        let values = self.devices.get(&device)?.get(key)?;
        values.iter().rev().find(|v| v.0 <= at).map(|v| v.1.as_str())
    }

    /// Value of a key at this time as a number.
    pub(crate) fn number(&self, device: DeviceId, key: &str, at: u64) -> Option<u64> {
        self.text(device, key, at)?.parse().ok()
    }

    /// Energy counter at this time in millijoules: the last value set by `energy` plus the power since.
    pub(crate) fn energy_mj(&self, device: DeviceId, at: u64) -> Option<u64> {
        let keys = self.devices.get(&device)?;
        let (set, base) = keys.get("energy")?.iter().rev().find(|v| v.0 <= at)?;
        let power = keys.get("power").map_or(&[][..], Vec::as_slice);
        let ends = power.iter().skip(1).map(|v| v.0).chain([u64::MAX]);
        let microjoules = power.iter().zip(ends).map(|((from, milliwatts), to)| {
            let milliwatts: u64 = milliwatts.parse().unwrap_or(0);
            milliwatts * to.min(at).saturating_sub(*from.max(set))
        });
        Some(base.parse::<u64>().ok()? + microjoules.sum::<u64>() / 1000)
    }

    /// Error code defined for a function.
    pub(crate) fn error(&self, function: &str, of_device: bool, at: u64) -> Option<u32> {
        let rule = self.errors.iter().find(|r| r.holds(function, of_device, at))?;
        u32::try_from(rule.value).ok()
    }

    /// Duration defined for a function, microseconds.
    pub(crate) fn delay_us(&self, function: &str, of_device: bool, at: u64) -> Option<u64> {
        self.delays.iter().find(|r| r.holds(function, of_device, at)).map(|r| r.value)
    }

    /// Processes of this kind on a GPU.
    pub(crate) fn processes(&self, on: DeviceId, kind: char, at: u64) -> Vec<&Process> {
        self.processes.iter().filter(|p| p.on == on && p.kind == kind && p.when.contains(&at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_is_integrated_power_since_it_was_set() {
        let trace =
            Trace::parse("gpu 0 power=100000 energy=5000\nat 2000 gpu 0 power=300000\nat 4000 gpu 0 energy=0").unwrap();
        let energy = |at| trace.energy_mj(DeviceId { gpu: 0, slot: None }, at);
        // 100 W for 2 s, then 300 W. The counter restarts at 4 s.
        let expected = [5000, 105_000, 205_000, 505_000, 0, 300_000].map(Some);
        assert_eq!([0, 1000, 2000, 3000, 4000, 5000].map(energy), expected);
        assert_eq!(trace.energy_mj(DeviceId { gpu: 0, slot: Some(1) }, 0), None);
    }
}
