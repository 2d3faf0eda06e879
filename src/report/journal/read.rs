//! Reads a journal and restores its run.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::line::{Attempt, End, Event, Header, Lag, Throughput, WorkloadNote};
use super::lines::{self, LineRead};
use super::{RunHeader, VERSION};
use crate::domain::attempt::AttemptRecord;
use crate::domain::gpu_history::GpuHistory;
use crate::domain::host::HostHistory;
use crate::domain::live::{EngineLag, THROUGHPUT_POINTS};
use crate::domain::series::Series;
use crate::domain::server_gauges::GaugeHistory;
use crate::domain::session::{EventKind, Mode, RunEvent, Session};
use crate::domain::telemetry_event::TelemetryEvent;
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::report::model::Resumption;

/// Warning about a run that read the server's metrics but did not save them.
const METRICS_NOT_SAVED: &str = "the metrics of the server were not saved with this run";
/// Maximum number of unreadable lines to list individually.
const MAX_LISTED_LINES: usize = 20;

/// A run read from its journal.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Header of the journal.
    pub run: RunHeader,
    /// Session at the end of the run, with nothing in flight; for a run in progress, its current state.
    pub session: Session,
    /// All events of the run, in order.
    pub events: Arc<[RunEvent]>,
    /// Sentences about the workload, such as how prompt lengths were fitted.
    pub workload_notes: Vec<String>,
    /// Resumptions of the run, in order.
    pub resumed: Vec<Resumption>,
    /// GPU samples during the run.
    pub gpu: GpuHistory,
    /// Metrics of the server during the run; `None` if they were not requested.
    pub gauges: Option<GaugeHistory>,
    /// Load of tokscope's machine.
    pub host: HostHistory,
    /// All samples of GPUs, server and host, in order.
    pub telemetry: Vec<TelemetryEvent>,
    /// Throughput over time, tok/s.
    pub throughput: Series,
    /// Delay of tokscope's reading thread.
    pub lag: EngineLag,
    /// Latest time in the journal, on the run's clock.
    pub last_at: Nanos,
    /// Exit status; `None` if the program did not end normally.
    pub ended: Option<u8>,
    /// Descriptions of unreadable lines, and other warnings.
    pub warnings: Vec<String>,
}

/// Reason why a file cannot be read as a journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The first line is incomplete.
    #[error("the first line is cut off: tokscope ended before it saved anything")]
    Empty,
    /// The first line is not a header.
    #[error("the first line is not the header of a journal: {0}")]
    NoJournal(String),
    /// An older version wrote the journal.
    #[error("an older tokscope wrote it (journal version {0}; this one reads {VERSION}); open it with that version")]
    Older(u32),
    /// A newer version wrote the journal.
    #[error("a newer tokscope wrote it (journal version {0}; this one reads {VERSION}); update tokscope")]
    Newer(u32),
}

impl Saved {
    /// Returns whether the run is over: all its work was done, or its program ended normally. A dashboard that is still
    /// open does not matter.
    pub fn is_over(&self) -> bool {
        self.ended.is_some() || self.session.mode == Mode::Finished
    }

    /// Returns the session to resume. It is finished if no attempt is missing.
    pub fn to_resume(&self) -> Session {
        self.session.to_resume(self.last_at)
    }
}

/// Reads the journal of a run that is not in progress. Unreadable lines are skipped and listed in [`Saved::warnings`];
/// additions by newer versions are ignored. Requests without an end count as interrupted.
pub fn read(from: impl BufRead) -> Result<Saved, JournalError> {
    let mut saved = read_in_progress(from)?;
    saved.session.show_ended(saved.last_at);
    Ok(saved)
}

/// Reads the journal of a run that another process is still writing, like [`read`]. Requests without an end are in
/// flight.
pub fn read_in_progress(mut from: impl BufRead) -> Result<Saved, JournalError> {
    let mut line = Vec::new();
    // Limit the first line, because any other file may be one endless line.
    let mut first = (&mut from).take(lines::LONGEST as u64 + 1);
    let run = match lines::next(&mut first, &mut line, lines::LONGEST)? {
        LineRead::Line => read_header(&line)?,
        LineRead::TooLong => return Err(JournalError::NoJournal("it is too long".to_owned())),
        LineRead::Torn if first.limit() == 0 => return Err(JournalError::NoJournal("it is too long".to_owned())),
        LineRead::Torn if !line.starts_with(b"{\"tokscope_journal\"") => {
            return Err(JournalError::NoJournal("it has no end".to_owned()));
        }
        LineRead::Torn | LineRead::Nothing => return Err(JournalError::Empty),
    };
    let mut reader = Reader::new(run);
    for number in 2_usize.. {
        match lines::next(&mut from, &mut line, lines::LONGEST)? {
            LineRead::Line if line.is_empty() => {}
            LineRead::Line => {
                if let Err(why) = reader.line(&line) {
                    reader.broken(number, &why);
                }
            }
            LineRead::TooLong => reader.broken(number, "it is too long"),
            LineRead::Torn => {
                reader.warnings.push(format!("the last line ({number}) is cut off and was skipped"));
                break;
            }
            LineRead::Nothing => break,
        }
    }
    Ok(reader.finish())
}

fn read_header(line: &[u8]) -> Result<RunHeader, JournalError> {
    let header: Header<'_> = read_first_line(line)?;
    Ok(header.run.into_owned())
}

/// Parses the first line as `T`, which may be a part of the header. Returns an error if this version cannot read the
/// journal.
pub fn read_first_line<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, JournalError> {
    #[derive(Deserialize)]
    struct Version {
        tokscope_journal: u32,
    }
    // Editors may insert a byte order mark.
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let none = |e: &serde_json::Error| JournalError::NoJournal(sanitise_line(&e.to_string()));
    let version: Version = serde_json::from_slice(line).map_err(|e| none(&e))?;
    match version.tokscope_journal {
        VERSION => serde_json::from_slice(line).map_err(|e| none(&e)),
        newer if newer > VERSION => Err(JournalError::Newer(newer)),
        older => Err(JournalError::Older(older)),
    }
}

struct Reader {
    run: RunHeader,
    session: Session,
    events: Vec<RunEvent>,
    workload_notes: Vec<String>,
    resumed: Vec<Resumption>,
    gpu: GpuHistory,
    host: HostHistory,
    gauges: Option<GaugeHistory>,
    telemetry: Vec<TelemetryEvent>,
    throughput: Series,
    lag: EngineLag,
    /// Highest delay of the reading thread before the last resumption.
    lag_before: EngineLag,
    last_at: Nanos,
    ended: Option<u8>,
    warnings: Vec<String>,
    broken: usize,
}

impl Reader {
    fn new(run: RunHeader) -> Self {
        Self {
            session: Session::new(run.suite.clone(), run.plan).with_sweep(run.sweep.clone()),
            events: Vec::new(),
            workload_notes: Vec::new(),
            resumed: Vec::new(),
            gpu: GpuHistory::default(),
            gauges: None,
            host: HostHistory::default(),
            telemetry: Vec::new(),
            throughput: Series::new(THROUGHPUT_POINTS),
            lag: EngineLag::default(),
            lag_before: EngineLag::default(),
            last_at: Nanos::default(),
            ended: None,
            warnings: Vec::new(),
            broken: 0,
            run,
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Type<'a> {
            #[serde(borrow)]
            r#type: Cow<'a, str>,
        }
        let kind: Type<'_> = parse(line)?;
        match &*kind.r#type {
            "attempt" => {
                let Attempt { at, record, tool_calls } = parse(line)?;
                let record = AttemptRecord { tool_calls, ..record };
                self.last_at = self.last_at.max(record.ended);
                self.follow_model(&record);
                let what = EventKind::Ended(record.id);
                self.event(RunEvent { at, what }, Some(record))?;
            }
            "lag" => {
                let Lag { at, lag } = parse(line)?;
                self.last_at = self.last_at.max(at);
                self.lag = lag;
            }
            "resumption" => {
                let resumption: Resumption = parse(line)?;
                self.last_at = self.last_at.max(resumption.at);
                self.lag_before = self.lag_before.worse(self.lag);
                self.resumed.push(resumption);
            }
            "gpu" => self.telemetry(line)?,
            "workload_note" => {
                let note: WorkloadNote<'_> = parse(line)?;
                self.workload_notes.push(sanitise_line(&note.text));
            }
            "throughput" => {
                let throughput: Throughput<'_> = parse(line)?;
                for &(at, value) in throughput.points.iter() {
                    self.throughput.push(at, value);
                }
            }
            "end" => {
                let end: End = parse(line)?;
                self.last_at = self.last_at.max(end.at);
                self.ended = Some(end.status);
                return Ok(());
            }
            known if EventKind::TYPES.contains(&known) => {
                let Event { what, at } = parse(line)?;
                self.event(RunEvent { at, what }, None)?;
            }
            _ => return Ok(()),
        }
        // A resumed run has not ended.
        self.ended = None;
        Ok(())
    }

    fn event(&mut self, event: RunEvent, record: Option<AttemptRecord>) -> Result<(), String> {
        let at = event.at.max(self.events.last().map_or(Nanos::default(), |e| e.at));
        let event = RunEvent { at, ..event };
        self.session.apply(&event, record.map(Into::into)).map_err(|e| e.to_string())?;
        self.last_at = self.last_at.max(at);
        self.events.push(event);
        Ok(())
    }

    /// Parses each sample separately, so that an unknown sample of a newer version does not lose the others.
    fn telemetry(&mut self, line: &[u8]) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Events<'a> {
            #[serde(borrow)]
            events: Vec<&'a RawValue>,
        }
        let events: Events<'_> = parse(line)?;
        for event in events.events.iter().filter_map(|e| serde_json::from_str::<TelemetryEvent>(e.get()).ok()) {
            self.telemetry.push(event.clone());
            event.apply(&mut self.gpu, &mut self.gauges, &mut self.host);
        }
        Ok(())
    }

    fn broken(&mut self, number: usize, why: &str) {
        self.broken += 1;
        if self.broken <= MAX_LISTED_LINES {
            self.warnings.push(format!("line {number} was skipped: {}", sanitise_line(why)));
        }
    }

    /// Updates the run's model to that of this attempt: the user may have chosen another model after a refusal.
    fn follow_model(&mut self, record: &AttemptRecord) {
        let has_own = self.run.suite.cases.get(record.id.case).is_none_or(|case| case.model.is_some());
        let is_drawn = self.run.suite.model_mix.is_some();
        if !has_own && !is_drawn && !record.model.is_empty() {
            self.run.model.clone_from(&record.model);
        }
    }

    fn finish(mut self) -> Saved {
        if self.broken > MAX_LISTED_LINES {
            self.warnings.push(format!("{} more lines were skipped", self.broken - MAX_LISTED_LINES));
        }
        if self.run.gauges && self.gauges.is_none() {
            self.warnings.push(METRICS_NOT_SAVED.to_owned());
        }
        Saved {
            run: self.run,
            session: self.session,
            events: self.events.into(),
            workload_notes: self.workload_notes,
            resumed: self.resumed,
            gpu: self.gpu,
            gauges: self.gauges,
            host: self.host,
            telemetry: self.telemetry,
            throughput: self.throughput,
            lag: self.lag_before.worse(self.lag),
            last_at: self.last_at,
            ended: self.ended,
            warnings: self.warnings,
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|e| e.to_string())
}
