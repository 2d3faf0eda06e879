//! A saved run in the list.

use crate::domain::pass_rate::PassRate;

/// State of a saved run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunState {
    /// Everything was measured.
    Complete,
    /// The run is over, but some planned attempts are missing.
    Partial,
    /// Another process is writing the run.
    Running,
    /// The run was interrupted. It can be resumed.
    Unfinished,
    /// The run cannot be read.
    Unreadable,
}

impl RunState {
    /// Word on the screen.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Running => "running",
            Self::Unfinished => "unfinished",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Figures of one stage of a saved sweep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageEntry {
    /// Requests in flight.
    pub concurrency: usize,
    /// Median generation speed, tok/s.
    pub speed_tok_s: Option<f64>,
    /// Median time to first token, milliseconds.
    pub ttft_ms: Option<f64>,
}

/// A saved run. Texts are sanitised; unknown values are `None` or empty.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEntry {
    /// Run id.
    pub id: String,
    /// Start of the run in its own time zone: `2026-11-30 12:55`.
    pub started: String,
    /// Model.
    pub model: String,
    /// URL of the endpoint.
    pub endpoint: String,
    /// Name of the suite.
    pub suite: String,
    /// Options that selected some of the suite's cases: `--case debug`. Empty if the run has all cases.
    pub selection: String,
    /// Load in short: `1`, `8`, `5/s`, `1,2,4,8`, `4:60s,8:60s`, `trace 2x`.
    pub load: String,
    /// Figures of each stage of a sweep, by concurrency. Empty without a sweep, and for runs of versions that did not
    /// save them.
    pub stages: Vec<StageEntry>,
    /// Concurrency of the stage whose speed and TTFT the list shows; `None` without a sweep.
    pub stage: Option<usize>,
    /// Share of the checked answers that pass all their checks; `None` if no answer was checked.
    pub pass_rate: Option<PassRate>,
    /// Number of failed attempts of cases that also have a complete answer.
    pub failed_attempts: usize,
    /// Whether the built-in simulator answered.
    pub simulated: bool,
    /// Number of cases with a complete answer.
    pub ok: usize,
    /// Number of cases that failed.
    pub failed: usize,
    /// Number of cases in the suite.
    pub cases: usize,
    /// Duration, seconds.
    pub duration_s: Option<f64>,
    /// Median generation speed, tok/s.
    pub speed_tok_s: Option<f64>,
    /// Whether the speed depends on estimated token counts.
    pub estimated: bool,
    /// Median time to first token, milliseconds.
    pub ttft_ms: Option<f64>,
    /// State.
    pub state: RunState,
    /// Size on disk, bytes.
    pub bytes: u64,
    /// Reason why the run cannot be read.
    pub error: Option<String>,
    /// All searchable text of the run, in lower case. Set by [`Self::indexed`].
    pub search_text: String,
}

impl RunEntry {
    /// Creates the entry of a run that cannot be read: its id and size are known, and `why` says what is wrong.
    pub fn unreadable(id: String, bytes: u64, why: String) -> Self {
        Self { error: Some(why), bytes, ..Self::new(id, RunState::Unreadable) }.indexed()
    }

    /// Creates a run without figures. Fill in its fields, then call [`Self::indexed`].
    pub const fn new(id: String, state: RunState) -> Self {
        Self {
            id,
            started: String::new(),
            model: String::new(),
            endpoint: String::new(),
            suite: String::new(),
            selection: String::new(),
            load: String::new(),
            stages: Vec::new(),
            stage: None,
            pass_rate: None,
            failed_attempts: 0,
            simulated: false,
            ok: 0,
            failed: 0,
            cases: 0,
            duration_s: None,
            speed_tok_s: None,
            estimated: false,
            ttft_ms: None,
            state,
            bytes: 0,
            error: None,
            search_text: String::new(),
        }
    }

    /// Speed and TTFT of the run at a stage of its sweep, or of the whole run without one.
    pub fn figures_at(&self, stage: Option<usize>) -> (Option<f64>, Option<f64>) {
        if self.stage == stage {
            return (self.speed_tok_s, self.ttft_ms);
        }
        let found = self.stages.iter().find(|found| Some(found.concurrency) == stage);
        found.map_or((None, None), |found| (found.speed_tok_s, found.ttft_ms))
    }

    /// Returns whether the run is complete and neither an attempt failed nor an answer is wrong.
    pub fn is_clean(&self) -> bool {
        let has_wrong = self.pass_rate.is_some_and(|rate| rate.failed() > 0);
        self.state == RunState::Complete && self.failed == 0 && self.failed_attempts == 0 && !has_wrong
    }

    /// Sets `search_text` from the other fields.
    #[must_use]
    pub fn indexed(mut self) -> Self {
        let error = self.error.as_deref().unwrap_or_default();
        let load = format!("c{}", self.load);
        let parts =
            [&self.id, &self.started, &self.model, &self.endpoint, &self.suite, &load, self.state.word(), error];
        self.search_text = parts.join("\n").to_lowercase();
        self
    }

    /// Load in full words: `concurrency 8`, `rate 5/s`, `sweep 1,2,4`, `stages 4:60s,8:60s`, `trace 2x`.
    pub fn load_in_words(&self) -> String {
        if self.load.starts_with("found ") || self.load.starts_with("trace") {
            return self.load.clone();
        }
        let what = if self.load.contains(':') {
            "stages"
        } else if self.load.ends_with("/s") {
            "rate"
        } else if self.load.contains(',') {
            "sweep"
        } else {
            "concurrency"
        };
        format!("{what} {}", self.load)
    }

    /// Whether the run contains every one of `words`, which must be in lower case.
    pub fn matches(&self, words: &[&str]) -> bool {
        words.iter().all(|word| self.search_text.contains(word))
    }
}
