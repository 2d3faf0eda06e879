//! A journal, read.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::line::{Attempt, End, Event, Header, Lag, Throughput};
use super::lines::{self, LineRead};
use super::{RunHeader, VERSION};
use crate::domain::attempt::AttemptRecord;
use crate::domain::gpu_history::GpuHistory;
use crate::domain::host::HostHistory;
use crate::domain::live::{EngineLag, THROUGHPUT_POINTS};
use crate::domain::series::Series;
use crate::domain::server_gauges::GaugeHistory;
use crate::domain::session::{EventKind, RunEvent, Session};
use crate::domain::telemetry_event::TelemetryEvent;
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::report::model::Resumption;

/// What is told of a run that read the server's gauges when they were not kept yet.
const NO_GAUGES: &str = "the server's own gauges were not kept, and are left out";
/// So many broken lines are told one by one.
const MOST_TOLD: usize = 20;

/// A run out of its journal.
#[derive(Clone, Debug)]
pub struct Saved {
    /// What was run, where.
    pub run: RunHeader,
    /// The run at its end, with nothing in flight.
    pub session: Session,
    /// What happened in it, in order.
    pub events: Arc<[RunEvent]>,
    /// When and where it was resumed.
    pub resumed: Vec<Resumption>,
    /// The GPUs over the run.
    pub gpu: GpuHistory,
    /// What the server said of itself; `None` where it was not asked.
    pub gauges: Option<GaugeHistory>,
    /// The machine that asked.
    pub host: HostHistory,
    /// All that they were made from.
    pub telemetry: Vec<TelemetryEvent>,
    /// Tokens per second over the run.
    pub throughput: Series,
    /// How late the engine has been.
    pub lag: EngineLag,
    /// The last time that stands in it, on the run's clock.
    pub last_at: Nanos,
    /// The exit status, if the program ended in order.
    pub ended: Option<u8>,
    /// What could not be read, for people.
    pub warnings: Vec<String>,
}

/// Why a journal is none.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Its first line is not whole.
    #[error("it ends in its first line: the run was cut off before anything was kept")]
    Empty,
    /// Its first line is no header.
    #[error("its first line is no journal's: {0}")]
    NoJournal(String),
    /// An older program wrote it.
    #[error("an older tokscope wrote it (journal version {0}; this one reads {VERSION}); read it with that one")]
    Older(u32),
    /// A newer program wrote it.
    #[error("a newer tokscope wrote it (journal version {0}; this one reads {VERSION}); update tokscope")]
    Newer(u32),
}

impl Saved {
    /// The session to resume the run with; finished if nothing is left to do.
    pub fn to_resume(&self) -> Session {
        self.session.to_resume(self.last_at)
    }
}

/// Reads a journal. Broken lines are left out and told in [`Saved::warnings`]; what a newer program added is passed over.
pub fn read(mut from: impl BufRead) -> Result<Saved, JournalError> {
    let mut line = Vec::new();
    // What is no journal may be one line without an end.
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
                reader.warnings.push(format!("the last line ({number}) is cut off and left out"));
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

/// Reads the first line, or what somebody wants of it, if this program can read the rest.
pub fn read_first_line<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, JournalError> {
    #[derive(Deserialize)]
    struct Version {
        tokscope_journal: u32,
    }
    // An editor may have put a byte order mark before it.
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
    resumed: Vec<Resumption>,
    gpu: GpuHistory,
    host: HostHistory,
    gauges: Option<GaugeHistory>,
    telemetry: Vec<TelemetryEvent>,
    throughput: Series,
    lag: EngineLag,
    /// That of the program before it was gone on with.
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
                let Attempt { at, record } = parse(line)?;
                self.last_at = self.last_at.max(record.ended);
                self.follow_model(&record);
                let what = EventKind::Ended(record.id);
                self.event(RunEvent { at, what }, Some(record.into_owned()))?;
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
        // A run that is resumed has not ended.
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

    /// Each by itself: one that a newer program added does not take the others with it.
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
        if self.broken <= MOST_TOLD {
            self.warnings.push(format!("line {number} is left out: {}", sanitise_line(why)));
        }
    }

    /// Takes the model that was asked last for the run's: where the endpoint refused the first one, another was chosen.
    fn follow_model(&mut self, record: &AttemptRecord) {
        let has_own = self.run.suite.cases.get(record.id.case).is_none_or(|case| case.model.is_some());
        if !has_own && !record.model.is_empty() {
            self.run.model.clone_from(&record.model);
        }
    }

    fn finish(mut self) -> Saved {
        if self.broken > MOST_TOLD {
            self.warnings.push(format!("{} more lines are left out", self.broken - MOST_TOLD));
        }
        if self.run.gauges && self.gauges.is_none() {
            self.warnings.push(NO_GAUGES.to_owned());
        }
        self.session.show_ended(self.last_at);
        Saved {
            run: self.run,
            session: self.session,
            events: self.events.into(),
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
