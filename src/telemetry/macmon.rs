//! Apple GPUs, read through the program macmon.
//!
//! The interfaces of macOS for GPU figures are private and change between releases. macmon follows these changes, and
//! its users update it. Running macmon as a separate process keeps its code, and any unsafe code, out of tokscope.

mod pipe;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use self::pipe::{News, Pipe, not_understood};
use super::SamplerConfig;
use super::source::{GpuSource, GpuUsers, SampleError, WithSource};
use crate::domain::gpu::{GpuInfo, GpuSample, MemoryKind};
use crate::domain::time::Nanos;
use crate::protocol::macmon::Reading;

/// Name of this source and of the program.
pub(super) const NAME: &str = "macmon";

/// Timeout for the first line. macmon starts by searching some hundred sensors.
const FIRST_LINE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time without a line after which macmon counts as silent, and then after which it is stopped.
const SILENT_AFTER: Duration = Duration::from_secs(2);
const STOPPED_AFTER: Duration = Duration::from_secs(10);
/// Time between the end of macmon and its restart.
const RESTART_AFTER: Duration = Duration::from_secs(5);

/// Advice if no macmon is on `PATH`.
const ABSENT: &str = if cfg!(target_os = "macos") {
    "macmon is not on PATH; install it to read Apple GPUs (brew install macmon)"
} else {
    "macmon reads Apple GPUs and runs only on macOS"
};
/// Reason why it is unknown whether a local endpoint uses the GPU.
const USERS_UNKNOWN: &str =
    "the endpoint's address is local, but macOS does not report which process listens there or uses the GPU";

/// Starts macmon, waits for its first line and passes the opened source to `then`.
pub(super) fn open(config: &SamplerConfig, then: WithSource<'_>) -> Result<(), String> {
    let program = find(config.program_path.as_deref()).ok_or_else(|| ABSENT.to_owned())?;
    let pipe = Pipe::start(&program, config)?;
    let info = info(&pipe.wait(FIRST_LINE_TIMEOUT)?);
    let state = State::Running { pipe, last_line: None, has_figures: true };
    then(&mut MacmonSource {
        program,
        config: config.clone(),
        info,
        state,
        last_read: None,
        news: Err(SampleError::Unchanged),
    });
    Ok(())
}

/// Returns the path of macmon. Skips relative folders in `PATH`: anybody may have put a program into the current
/// folder.
fn find(path: Option<&OsStr>) -> Option<PathBuf> {
    let is_program = |file: &PathBuf| {
        file.is_absolute()
            && file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(path?).map(|folder| folder.join(NAME)).find(is_program)
}

struct MacmonSource {
    program: PathBuf,
    config: SamplerConfig,
    info: GpuInfo,
    state: State,
    last_read: Option<Nanos>,
    /// Result of the last read.
    news: Result<Reading, SampleError>,
}

enum State {
    Running {
        pipe: Pipe,
        /// Time of the last line with figures, or of the start; `None` after a pause without reads.
        last_line: Option<Nanos>,
        /// Whether macmon has sent figures since its start.
        has_figures: bool,
    },
    Ended {
        at: Nanos,
        why: String,
    },
}

impl MacmonSource {
    /// Starts macmon again.
    fn start(&mut self, at: Nanos) -> SampleError {
        match Pipe::start(&self.program, &self.config) {
            Ok(pipe) => {
                self.state = State::Running { pipe, last_line: Some(at), has_figures: false };
                SampleError::Silent(format!("{NAME} is starting"))
            }
            Err(why) => self.end(at, why),
        }
    }

    /// Records that macmon has ended. Dropping the old state stops a process that still runs.
    fn end(&mut self, at: Nanos, why: String) -> SampleError {
        self.state = State::Ended { at, why: why.clone() };
        SampleError::Lost(why)
    }

    /// Reads the latest line. `since` is the time since the previous read.
    fn read(&mut self, at: Nanos, since: Duration) -> Result<Reading, SampleError> {
        let State::Running { pipe, last_line, has_figures } = &mut self.state else {
            return Err(match &self.state {
                State::Ended { at: ended, why } if at.since(*ended) < RESTART_AFTER => SampleError::Lost(why.clone()),
                _ => self.start(at),
            });
        };
        match pipe.news() {
            News::Reading(reading) => {
                (*last_line, *has_figures) = (Some(at), true);
                Ok(reading)
            }
            News::Nothing { unreadable } => {
                if since > SILENT_AFTER {
                    // Nothing was read during a pause, so count the silence from now on.
                    *last_line = None;
                }
                let silence = at.since(*last_line.get_or_insert(at));
                let why = match unreadable {
                    Some(unreadable) => not_understood(&unreadable),
                    None => format!("{NAME} has sent no data for {} s", silence.as_secs()),
                };
                Err(match has_figures {
                    _ if silence >= STOPPED_AFTER => self.end(at, why),
                    _ if silence >= SILENT_AFTER => SampleError::Silent(why),
                    true => SampleError::Unchanged,
                    false => SampleError::Silent(format!("{NAME} is starting")),
                })
            }
            News::Ended(why) => Err(self.end(at, why)),
        }
    }
}

impl GpuSource for MacmonSource {
    fn name(&self) -> &'static str {
        NAME
    }

    fn prepare(&mut self, at: Nanos) {
        let since = self.last_read.replace(at).map_or(Duration::ZERO, |before| at.since(before));
        self.news = self.read(at, since);
    }

    /// Returns `None`: the driver is part of macOS and has no separate version.
    fn driver(&self) -> Option<&str> {
        None
    }

    fn gpus(&self) -> Vec<GpuInfo> {
        vec![self.info.clone()]
    }

    /// Fails: macOS does not report GPU users. A listener on a local address proves nothing either, because it may be a
    /// tunnel to another machine.
    fn users(&mut self) -> Result<Vec<GpuUsers>, String> {
        Err(USERS_UNKNOWN.to_owned())
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
        format!(
            "this {NAME} reports only a load weighted by the clock; 0.8 and later report the load (brew upgrade {NAME})"
        )
    } else {
        format!("not reported by {NAME}")
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
        memory_unknown_because: (!memory).then(|| format!("not reported by {NAME}")),
        utilization_unknown_because: reading.active_percent.is_none().then_some(load_unknown),
        max_sm_clock_mhz: reading.max_clock_mhz,
        ..GpuInfo::default()
    }
}
