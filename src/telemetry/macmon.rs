//! Apple's GPUs, as the program macmon tells of them.
//!
//! What macOS has for this is private, and changes from release to release; whoever keeps up with it is macmon, which its
//! users keep up to date. So it is asked as they run it, in a process of its own, rather than built in: none of it, and no
//! unsafe code, is in this program.

mod pipe;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use self::pipe::{News, Pipe, not_understood};
use super::SamplerConfig;
use super::source::{GpuSource, GpuUsers, SampleError, Use};
use crate::domain::gpu::{GpuInfo, GpuSample, MemoryKind};
use crate::domain::time::Nanos;
use crate::protocol::macmon::Reading;

/// Its name in the table of sources, and the program's.
pub(super) const NAME: &str = "macmon";

/// It begins with looking for sensors, of which there are some hundred.
const FIRST_PATIENCE: Duration = Duration::from_secs(10);
/// After so long without a line it is silent, and then it is given up.
const SILENT_AFTER: Duration = Duration::from_secs(2);
const GIVEN_UP_AFTER: Duration = Duration::from_secs(10);
/// When it is started anew.
const ANEW_AFTER: Duration = Duration::from_secs(5);

/// What to do where the program is not on `PATH`.
const ABSENT: &str = if cfg!(target_os = "macos") {
    "macmon is not on PATH: it reads Apple's GPUs (brew install macmon)"
} else {
    "macmon reads Apple's GPUs, on a Mac"
};
/// Why it is not known whether the GPU serves an endpoint on this machine.
const NOT_TOLD: &str =
    "the endpoint's address is this machine's; who listens there, and who uses the GPU, macOS does not tell";

/// Starts the program, and lends its GPU out once it has told of it.
pub(super) fn open(config: &SamplerConfig, then: Use<'_>) -> Result<(), String> {
    let program = find(config.program_path.as_deref()).ok_or_else(|| ABSENT.to_owned())?;
    let pipe = Pipe::start(&program, config)?;
    let info = info(&pipe.wait(FIRST_PATIENCE)?);
    let state = State::Runs { pipe, heard: None, has_told: true };
    then(&mut Source { program, config: config.clone(), info, state, looked: None, news: Err(SampleError::Unchanged) });
    Ok(())
}

/// Where the program is. A folder that is named from the one the user is in may be anybody's.
fn find(path: Option<&OsStr>) -> Option<PathBuf> {
    let is_program = |file: &PathBuf| {
        file.is_absolute()
            && file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(path?).map(|folder| folder.join(NAME)).find(is_program)
}

struct Source {
    program: PathBuf,
    config: SamplerConfig,
    info: GpuInfo,
    state: State,
    looked: Option<Nanos>,
    /// What the last look found.
    news: Result<Reading, SampleError>,
}

enum State {
    Runs {
        pipe: Pipe,
        /// When it last told something, as far as somebody listened.
        heard: Option<Nanos>,
        /// Whether that was anything since it was started.
        has_told: bool,
    },
    Ended {
        at: Nanos,
        why: String,
    },
}

impl Source {
    /// Starts it anew.
    fn start(&mut self, at: Nanos) -> SampleError {
        match Pipe::start(&self.program, &self.config) {
            Ok(pipe) => {
                self.state = State::Runs { pipe, heard: Some(at), has_told: false };
                SampleError::Silent(format!("{NAME} is being started"))
            }
            Err(why) => self.end(at, why),
        }
    }

    /// It has ended, or ends with this.
    fn end(&mut self, at: Nanos, why: String) -> SampleError {
        self.state = State::Ended { at, why: why.clone() };
        SampleError::Lost(why)
    }

    /// What is new, the last look having been so long ago.
    fn look(&mut self, at: Nanos, since: Duration) -> Result<Reading, SampleError> {
        let State::Runs { pipe, heard, has_told } = &mut self.state else {
            return Err(match &self.state {
                State::Ended { at: ended, why } if at.since(*ended) < ANEW_AFTER => SampleError::Lost(why.clone()),
                _ => self.start(at),
            });
        };
        match pipe.news(since) {
            News::Reading(reading) => {
                (*heard, *has_told) = (Some(at), true);
                Ok(reading)
            }
            News::Nothing { odd } => {
                if since > SILENT_AFTER {
                    // Nobody listened meanwhile.
                    *heard = None;
                }
                let silent = at.since(*heard.get_or_insert(at));
                let why = match odd {
                    Some(odd) => not_understood(&odd),
                    None => format!("{NAME} has told nothing for {} s", silent.as_secs()),
                };
                Err(match has_told {
                    _ if silent >= GIVEN_UP_AFTER => self.end(at, why),
                    _ if silent >= SILENT_AFTER => SampleError::Silent(why),
                    true => SampleError::Unchanged,
                    false => SampleError::Silent(format!("{NAME} is being started")),
                })
            }
            News::Flood => Err(self.end(at, format!("{NAME} tells more than it is asked for"))),
            News::Ended(why) => Err(self.end(at, why)),
        }
    }
}

impl GpuSource for Source {
    fn name(&self) -> &'static str {
        NAME
    }

    fn begin_look(&mut self, at: Nanos) {
        let since = self.looked.replace(at).map_or(Duration::ZERO, |before| at.since(before));
        self.news = self.look(at, since);
    }

    /// Part of macOS: it has no version of its own.
    fn driver(&self) -> Option<&str> {
        None
    }

    fn gpus(&self) -> Vec<GpuInfo> {
        vec![self.info.clone()]
    }

    /// A tunnel listens at an address of this machine as well, and then the work is done elsewhere.
    fn users(&mut self) -> Result<Vec<GpuUsers>, String> {
        Err(NOT_TOLD.to_owned())
    }

    fn sample(&mut self, _position: usize, at: Nanos) -> Result<GpuSample, SampleError> {
        let reading = self.news.as_ref().map_err(SampleError::clone)?;
        Ok(GpuSample {
            at,
            index: self.info.index,
            memory_used_bytes: reading.memory_used_bytes,
            utilization_percent: reading.active_percent,
            power_w: reading.power_w,
            temperature_c: reading.temperature_c,
            sm_clock_mhz: reading.clock_mhz,
            ..GpuSample::default()
        })
    }
}

fn info(reading: &Reading) -> GpuInfo {
    let chip = reading.chip.as_deref().unwrap_or("Apple GPU");
    let load_unknown = if reading.is_load_weighted {
        format!("this {NAME} tells it only as weighted by the clock: 0.8 and later tell it (brew upgrade {NAME})")
    } else {
        format!("{NAME} does not tell it")
    };
    let memory = reading.memory_used_bytes.is_some() && reading.memory_total_bytes.is_some();
    GpuInfo {
        uuid: Some(format!("{}/gpu", reading.machine.as_deref().unwrap_or("apple"))),
        model: reading.gpu_cores.map_or_else(|| chip.to_owned(), |cores| format!("{chip}, {cores} GPU cores")),
        vendor: Some("Apple".to_owned()),
        is_part_of_chip: true,
        memory_total_bytes: reading.memory_total_bytes,
        memory_kind: MemoryKind::Unified,
        memory_used_is_machines: true,
        memory_unknown_because: (!memory).then(|| format!("{NAME} does not tell it")),
        utilization_unknown_because: reading.active_percent.is_none().then_some(load_unknown),
        max_sm_clock_mhz: reading.max_clock_mhz,
        ..GpuInfo::default()
    }
}
