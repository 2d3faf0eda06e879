//! The state of the program.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::answer::Answer;
use super::cases::CaseTable;
use super::export_dialog::ExportDialog;
use super::load::Load;
use super::message::Action;
use super::model_choice::ModelChoice;
use super::palette::{Command, Palette};
use super::playback::Playback;
use super::report_view::{self, Extent, ReportView};
use super::scope::{ScopeState, Traces};
use super::stop::Stop;
use super::text_field::TextField;
use super::theme::ThemeName;
use crate::domain::address::is_loopback;
use crate::domain::gpu_history::GpuHistory;
use crate::domain::host::HostHistory;
use crate::domain::key_source::KeySource;
use crate::domain::live::{InFlight, LiveSnapshot, ServerInfo, THROUGHPUT_POINTS};
use crate::domain::route::Route;
use crate::domain::series::Series;
use crate::domain::server_gauges::GaugeHistory;
use crate::domain::session::{AttemptState, Mode, Session};
use crate::domain::time::Nanos;

/// How long a notice stays.
pub const NOTICE_FOR: Duration = Duration::from_secs(8);

/// Whether the endpoint is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Not known yet.
    Connecting,
    /// It answered.
    Ready,
    /// It has several models, and one of them is being chosen.
    Unnamed,
    /// It did not, and is tried again.
    Unreachable(String),
    /// It cannot be used as it is; no more is tried.
    Refused(String),
}

/// What is measured.
#[derive(Clone, Debug)]
pub struct Target {
    /// Base URL for people.
    pub url: String,
    /// The model, once it is known.
    pub model: Option<String>,
    /// What serves it.
    pub server: ServerInfo,
    /// The built-in simulator: nothing shown is a model's.
    pub simulated: bool,
    /// What stands in between.
    pub route: Route,
    /// Whether it is there.
    pub connection: Connection,
}

impl Target {
    /// Whether the URL names this machine: `localhost`, `127.…` or `[::1]`. A tunnel may still end elsewhere.
    pub fn is_local(&self) -> bool {
        let rest = self.url.split_once("://").map_or(self.url.as_str(), |(_scheme, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host_and_port = authority.rsplit_once('@').map_or(authority, |(_user, host)| host);
        let host = match host_and_port.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => host_and_port.split(':').next().unwrap_or_default(),
        };
        is_loopback(host)
    }
}

/// The looks at the endpoint that gave nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// How many.
    pub count: u64,
    /// When the first came.
    pub first: Nanos,
    /// When the last came.
    pub last: Nanos,
}

impl Refusals {
    pub(super) fn add(&mut self, at: Nanos) {
        if self.count == 0 {
            self.first = at;
        }
        self.last = at;
        self.count += 1;
    }
}

/// All that a frame shows of the run. Freezing the screen keeps a copy of it.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The time of the last frame.
    pub now: Nanos,
    /// What is measured.
    pub target: Target,
    /// The looks at it that gave nothing.
    pub refusals: Refusals,
    /// Why the run is stopped, where every request would fail alike.
    pub stop: Option<Stop>,
    /// The run.
    pub session: Session,
    /// What is in flight.
    pub live: Arc<LiveSnapshot>,
    /// The run as a load.
    pub load: Load,
    /// The GPUs.
    pub gpu: GpuHistory,
    /// What the server says of itself; `None` where it is not asked.
    pub gauges: Option<GaugeHistory>,
    /// This machine.
    pub host: HostHistory,
    /// Tokens per second of all streams together, over the last second, four points a second. An estimate.
    pub throughput: Series,
    /// How the events of its streams came.
    pub traces: Traces,
    /// Tokens per content event, learnt from the answers whose usage is known; 1 until then.
    pub tokens_per_event: f64,
}

impl Scene {
    /// The requests in flight. The live view may lag behind the session: what is over is left out.
    pub fn in_flight(&self) -> impl Iterator<Item = &InFlight> {
        self.live.in_flight.iter().filter(|f| self.session.is_open(f.id))
    }

    /// The request in flight of a case, the latest if there are several.
    pub fn in_flight_of(&self, case: usize) -> Option<&InFlight> {
        self.in_flight().filter(|f| f.id.case == case).max_by_key(|f| f.id.number)
    }

    /// The span that charts over time show: the run up to now or its end, at most the last ten minutes of it.
    pub fn window(&self) -> (Nanos, Nanos) {
        const LONGEST: Duration = Duration::from_secs(600);
        const SHORTEST: Duration = Duration::from_secs(10);
        let began = self.session.began.unwrap_or(self.now);
        let end = self.end();
        let from = began.max(Nanos(end.0.saturating_sub(LONGEST.as_nanos() as u64)));
        (from, end.max(from.plus(SHORTEST)))
    }

    /// When the run ended, or now while something is still to come; not before it began.
    pub fn end(&self) -> Nanos {
        let last = if self.session.is_active() { self.now } else { self.session.last_ended.unwrap_or(self.now) };
        last.max(self.session.began.unwrap_or(self.now))
    }

    /// How long the run has been going.
    pub fn elapsed(&self) -> Duration {
        self.session.going(self.now).unwrap_or_default()
    }
}

/// The panes, in the order of `tab`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum PaneId {
    /// The cases.
    #[default]
    Cases,
    /// The answer of the selected case.
    Preview,
    /// Gaps between tokens over time, tokens per second, GPU load beside them.
    Scope,
    /// TTFT and inter-token latency.
    Latency,
    /// GPU memory.
    Gpu,
}

impl PaneId {
    /// All panes, in the order of `tab`.
    pub const ALL: [Self; 5] = [Self::Cases, Self::Preview, Self::Scope, Self::Latency, Self::Gpu];
}

/// What lies over the panes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Overlay {
    /// Nothing.
    #[default]
    None,
    /// All keys, scrolled down by this many lines.
    Help(u16),
    /// Whether to quit although something runs.
    ConfirmQuit,
    /// Which format to export, under which name.
    Export(ExportDialog),
    /// The report.
    Report(ReportView),
    /// All that can be done.
    Palette(Palette),
    /// Which of the endpoint's models to ask.
    Models(ModelChoice),
    /// The filter is being typed.
    FilterInput,
    /// The search through the answer is being typed.
    SearchInput,
}

/// A line that tells what just happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub text: String,
    /// It went wrong.
    pub is_error: bool,
    /// What would help, told with its key.
    pub remedy: Option<Action>,
    /// When it came; it goes after some seconds.
    pub at: Nanos,
}

/// What belongs to the screen alone.
#[derive(Clone, Debug)]
pub struct UiState {
    /// Index of the selected case in the suite.
    pub selected: usize,
    /// The number of its attempt that is selected; `None` is the case, which shows the one that is reported.
    pub selected_attempt: Option<u32>,
    /// The table of cases.
    pub cases: CaseTable,
    /// The selection goes with the case that runs, until the user selects one.
    pub follows: bool,
    /// The pane that keys go to.
    pub focus: PaneId,
    /// The focused pane fills the screen.
    pub zoomed: bool,
    /// What lies over the panes.
    pub overlay: Overlay,
    /// Only cases whose name contains this are listed.
    pub filter: TextField,
    /// How the answer is looked at.
    pub answer: Answer,
    /// What the scope shows.
    pub scope: ScopeState,
    /// What just happened.
    pub notice: Option<Notice>,
    /// How it looks.
    pub theme: ThemeName,
    /// The terminal tells what the mouse does.
    pub mouse: bool,
    /// How far the report could be scrolled in the last frame.
    pub report_extent: Extent,
    /// Texts of the report that were shown.
    pub reports_shown: u64,
}

impl Default for UiState {
    fn default() -> Self {
        Self {
            selected: 0,
            selected_attempt: None,
            cases: CaseTable::default(),
            follows: true,
            focus: PaneId::default(),
            zoomed: false,
            overlay: Overlay::default(),
            filter: TextField::default(),
            answer: Answer::default(),
            scope: ScopeState::default(),
            notice: None,
            theme: ThemeName::default(),
            mouse: false,
            report_extent: Extent::default(),
            reports_shown: 0,
        }
    }
}

/// The whole state.
#[derive(Clone, Debug)]
pub struct App {
    /// The run as it is.
    pub scene: Scene,
    /// The run as it was when the screen was frozen.
    pub frozen: Option<Box<Scene>>,
    /// A saved run: nothing is measured.
    pub playback: Option<Box<Playback>>,
    /// The screen.
    pub ui: UiState,
    /// Labels of the exporters, in the order of their table.
    pub export_labels: Vec<&'static str>,
    /// All that can be done from the panes.
    pub commands: Vec<Command>,
    /// Why the model may not be what was asked for.
    pub model_doubt: Option<String>,
    /// A model was asked for by name; else the endpoint must have exactly one.
    pub wanted_model: Option<String>,
    /// The models that the endpoint lists.
    pub listed_models: Vec<String>,
    /// Where the API key comes from.
    pub key_source: KeySource,
    /// Of several models one can be chosen: there is a screen.
    pub asks_for_model: bool,
    /// Interrupted by a signal, or quit while something ran.
    pub interrupted: bool,
    /// Content events at the last points of the throughput, oldest first: a second of them.
    pub(super) recent_totals: VecDeque<(Nanos, u64)>,
}

impl App {
    /// The state before anything happened.
    pub fn new(
        target: Target,
        session: Session,
        wanted_model: Option<String>,
        export_labels: Vec<&'static str>,
    ) -> Self {
        let scene = Scene {
            now: Nanos::default(),
            target,
            refusals: Refusals::default(),
            stop: None,
            load: Load::new(&session),
            session,
            live: Arc::default(),
            gpu: GpuHistory::default(),
            gauges: None,
            host: HostHistory::default(),
            throughput: Series::new(THROUGHPUT_POINTS),
            traces: Traces::default(),
            tokens_per_event: 1.0,
        };
        Self {
            scene,
            frozen: None,
            playback: None,
            ui: UiState::default(),
            export_labels,
            commands: Vec::new(),
            model_doubt: None,
            wanted_model,
            listed_models: Vec::new(),
            key_source: KeySource::default(),
            asks_for_model: false,
            interrupted: false,
            recent_totals: VecDeque::new(),
        }
    }

    /// What the screen shows: the frozen run if there is one.
    pub fn shown(&self) -> &Scene {
        self.frozen.as_deref().unwrap_or(&self.scene)
    }

    /// Whether the picture moves by itself: something is in flight, or was a moment ago.
    pub fn is_live(&self) -> bool {
        if let Some(playback) = &self.playback {
            return playback.is_moving();
        }
        self.scene.session.in_flight() > 0 || !self.scene.live.in_flight.is_empty()
    }

    /// When something changes although nothing happens: a notice goes, a request is due, the report is out of date.
    pub fn wake_at(&self) -> Option<Nanos> {
        let notice = self.ui.notice.as_ref().map(|n| n.at.plus(NOTICE_FOR));
        let due = self.scene.session.wake_at().filter(|_| self.playback.is_none());
        notice.into_iter().chain(due).chain(report_view::due(self)).min()
    }

    /// The exit status the run has earned so far (see the command line's contract).
    pub fn exit_status(&self) -> u8 {
        if self.interrupted {
            return 130;
        }
        if self.playback.is_some() {
            return 0;
        }
        let session = &self.scene.session;
        let nothing_started = session.cases.iter().all(|c| c.attempts.is_empty());
        let waits = session.mode == Mode::Waiting;
        if (nothing_started || waits) && self.scene.target.connection != Connection::Ready {
            return 3;
        }
        if self.scene.stop.is_some() && !session.attempts().any(AttemptState::is_good) {
            return 3;
        }
        let slo_missed = !self.scene.load.keeps_slos(session);
        u8::from(session.is_partial() || slo_missed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loopback_host_is_this_machine() {
        let is_local = |url: &str| {
            let target = Target {
                url: url.to_owned(),
                model: None,
                server: ServerInfo::default(),
                simulated: false,
                route: crate::domain::route::Route::default(),
                connection: Connection::Connecting,
            };
            target.is_local()
        };
        for url in ["http://localhost:8000/v1", "http://127.0.0.1/v1", "http://127.8.9.1:1", "http://[::1]:8000/v1"] {
            assert!(is_local(url), "{url}");
        }
        for url in [
            "https://api.openai.com/v1",
            "http://10.0.0.2:8000",
            "http://localhost.example.com/",
            "http://1270.0.0.1",
            "",
        ] {
            assert!(!is_local(url), "{url}");
        }
    }
}
