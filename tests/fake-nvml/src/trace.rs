//! The text that says what the library answers.

use std::collections::BTreeMap;
use std::ops::Range;

/// What passes for time. All times of a trace are milliseconds of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Clock {
    Wall,
    Calls,
    Manual,
}

/// What holds for a function, or for all that name a device, during some time.
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

/// One process on a GPU.
#[derive(Debug)]
pub(crate) struct Process {
    gpu: u32,
    when: Range<u64>,
    pub(crate) pid: u32,
    /// `None`: the driver cannot tell.
    pub(crate) bytes: Option<u64>,
    kind: char,
}

/// A parsed trace.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) driver: Option<String>,
    pub(crate) clock: Clock,
    pub(crate) missing: Vec<String>,
    /// Per GPU: key to its values, each with the time from which it holds, in that order.
    gpus: Vec<BTreeMap<String, Vec<(u64, String)>>>,
    errors: Vec<Rule>,
    delays: Vec<Rule>,
    processes: Vec<Process>,
}

const TEXTS: [&str; 2] = ["name", "uuid"];
const NUMBERS: [&str; 8] = ["total", "reserved", "used", "power", "plimit", "temp", "util", "lost"];

impl Trace {
    /// Reads a trace; the error names the line.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut trace = Self {
            driver: None,
            clock: Clock::Wall,
            missing: Vec::new(),
            gpus: Vec::new(),
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
            ["clock", "wall"] => self.clock = Clock::Wall,
            ["clock", "calls"] => self.clock = Clock::Calls,
            ["clock", "manual"] => self.clock = Clock::Manual,
            ["missing", function] => self.missing.push((*function).to_owned()),
            ["gpu", index, pairs @ ..] => self.set(0, index, pairs)?,
            ["at", time, "gpu", index, pairs @ ..] => self.set(time.parse().ok()?, index, pairs)?,
            ["err", rule @ ..] => self.errors.push(Rule::parse(rule)?),
            ["delay", rule @ ..] => self.delays.push(Rule::parse(rule)?),
            ["proc", gpu, from, to, pid, bytes, kind @ ("C" | "G")] => self.processes.push(Process {
                gpu: gpu.parse().ok()?,
                when: from.parse().ok()?..to.parse().ok()?,
                pid: pid.parse().ok()?,
                bytes: if *bytes == "-1" { None } else { Some(bytes.parse().ok()?) },
                kind: kind.chars().next()?,
            }),
            _ => return None,
        }
        Some(())
    }

    fn set(&mut self, from: u64, index: &str, pairs: &[&str]) -> Option<()> {
        let index: usize = index.parse().ok()?;
        if index >= self.gpus.len() {
            self.gpus.resize_with(index + 1, BTreeMap::new);
        }
        for pair in pairs {
            let (key, value) = pair.split_once('=')?;
            let known = TEXTS.contains(&key) || NUMBERS.contains(&key) && value.parse::<u64>().is_ok();
            let values = self.gpus[index].entry(known.then(|| key.to_owned())?).or_default();
            values.push((from, value.replace('_', " ")));
            values.sort_by_key(|v| v.0);
        }
        Some(())
    }

    /// How many GPUs the trace names.
    pub(crate) fn gpus(&self) -> u32 {
        u32::try_from(self.gpus.len()).unwrap_or(u32::MAX)
    }

    /// A key's value at that time.
    pub(crate) fn text(&self, gpu: u32, key: &str, at: u64) -> Option<&str> {
        let values = self.gpus.get(gpu as usize)?.get(key)?;
        values.iter().rev().find(|v| v.0 <= at).map(|v| v.1.as_str())
    }

    /// A key's value at that time, as the number it is.
    pub(crate) fn number(&self, gpu: u32, key: &str, at: u64) -> Option<u64> {
        self.text(gpu, key, at)?.parse().ok()
    }

    /// The code that a function is told to answer.
    pub(crate) fn error(&self, function: &str, of_device: bool, at: u64) -> Option<u32> {
        let rule = self.errors.iter().find(|r| r.holds(function, of_device, at))?;
        u32::try_from(rule.value).ok()
    }

    /// How long a function is told to take, microseconds.
    pub(crate) fn delay_us(&self, function: &str, of_device: bool, at: u64) -> Option<u64> {
        self.delays.iter().find(|r| r.holds(function, of_device, at)).map(|r| r.value)
    }

    /// The processes of a kind on a GPU.
    pub(crate) fn processes(&self, gpu: u32, kind: char, at: u64) -> Vec<&Process> {
        self.processes.iter().filter(|p| p.gpu == gpu && p.kind == kind && p.when.contains(&at)).collect()
    }
}
