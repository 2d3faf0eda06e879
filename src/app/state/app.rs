//! The whole state of the program.

use std::collections::VecDeque;

use super::notice::Notice;
use super::overlay::Overlay;
use super::palette::Command;
use super::playback::Playback;
use super::preset::LayoutPreset;
use super::scene::Scene;
use super::target::{Connection, Target};
use super::theme::OfferedTheme;
use super::ui_state::UiState;
use crate::domain::key_source::KeySource;
use crate::domain::session::{AttemptState, Mode, Session};
use crate::domain::time::Nanos;

/// The whole state of the program.
#[derive(Clone, Debug)]
pub struct App {
    /// The run as it is now.
    pub scene: Scene,
    /// The run when the user froze the screen.
    pub frozen: Option<Box<Scene>>,
    /// The saved run on the screen; `None` while tokscope measures.
    pub playback: Option<Box<Playback>>,
    /// Choices of the user on the screen.
    pub ui: UiState,
    /// Labels of the exporters, in the order of their table.
    pub export_labels: Vec<&'static str>,
    /// Every command of the palette.
    pub commands: Vec<Command>,
    /// The themes that can be chosen.
    pub themes: Vec<OfferedTheme>,
    /// Warning that the model may not be the one the user asked for; `None` without a doubt.
    pub model_doubt: Option<String>,
    /// The model named on the command line; without one the endpoint must serve exactly one model.
    pub wanted_model: Option<String>,
    /// The models that the endpoint lists.
    pub listed_models: Vec<String>,
    /// Where the API key comes from.
    pub key_source: KeySource,
    /// Whether a dashboard is open, in which the user can choose among several models.
    pub asks_for_model: bool,
    /// Whether a signal ended the run, or the user quit while requests were in flight.
    pub interrupted: bool,
    /// Cases of the latest requests, as long as none of them got a connection.
    pub(in crate::app) failed_connections: Vec<usize>,
    /// Total number of content events at each point of the throughput in the last second, oldest first.
    pub(in crate::app) recent_totals: VecDeque<(Nanos, u64)>,
}

impl App {
    /// Creates the state at the start of the program.
    pub fn new(
        target: Target,
        session: Session,
        wanted_model: Option<String>,
        export_labels: Vec<&'static str>,
    ) -> Self {
        Self {
            scene: Scene::new(target, session),
            frozen: None,
            playback: None,
            ui: UiState::default(),
            export_labels,
            commands: Vec::new(),
            themes: OfferedTheme::built_in(),
            model_doubt: None,
            wanted_model,
            listed_models: Vec::new(),
            key_source: KeySource::default(),
            asks_for_model: false,
            interrupted: false,
            failed_connections: Vec::new(),
            recent_totals: VecDeque::new(),
        }
    }

    /// The run on the screen: the frozen copy if the screen is frozen, otherwise the current one.
    pub fn shown(&self) -> &Scene {
        self.frozen.as_deref().unwrap_or(&self.scene)
    }

    /// The layout in use: the one that the user chose; otherwise a sweep that has begun shows its chart, and other runs
    /// an overview.
    pub fn layout_preset(&self) -> LayoutPreset {
        let session = &self.shown().session;
        let is_in_stages = !session.sweep.is_empty() || session.search().is_some();
        let has_chart = session.began.is_some() && is_in_stages;
        self.ui.layout.unwrap_or(if has_chart { LayoutPreset::Load } else { LayoutPreset::Overview })
    }

    /// Whether the screen changes without input, because requests are in flight now or in the last snapshot.
    pub fn is_live(&self) -> bool {
        if let Some(playback) = &self.playback {
            return playback.is_moving();
        }
        self.scene.session.in_flight() > 0 || !self.scene.live.in_flight.is_empty()
    }

    /// The next time at which the state changes without input: a notice expires, a request is due, or the report is
    /// out of date.
    pub fn wake_at(&self) -> Option<Nanos> {
        let notice = self.ui.notice.as_ref().map(Notice::expires_at);
        let request = self.scene.session.wake_at().filter(|_| self.playback.is_none());
        notice.into_iter().chain(request).chain(self.report_due()).min()
    }

    /// When to render the report again; `None` while the report is closed or up to date.
    pub fn report_due(&self) -> Option<Nanos> {
        match &self.ui.overlay {
            Overlay::Report(view) => view.due(&self.scene),
            _ => None,
        }
    }

    /// Whether quitting now would cancel requests, so that the user is asked first.
    pub fn asks_before_quitting(&self) -> bool {
        self.scene.session.is_active() && self.playback.is_none()
    }

    /// Exit status of the run so far, as the command line documents it.
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
        let slo_missed = !self.scene.load.meets_slos(session);
        u8::from(session.is_partial() || slo_missed)
    }
}
