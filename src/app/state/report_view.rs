//! The report on the screen. Progress of the run renders it again, at most once a second.

use std::sync::Arc;
use std::time::Duration;

use super::scene::Scene;
use crate::domain::session::{CasePhase, Mode};
use crate::domain::time::Nanos;

/// Minimum interval between two renderings, because the report of a long run takes a while.
const RENDER_INTERVAL: Duration = Duration::from_secs(1);

/// The open report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportView {
    /// Markdown of the report, once rendered.
    pub text: Option<Arc<str>>,
    /// Name of the file that an export would write now.
    pub file: String,
    /// Version of the text, so that its layout can be cached: equal versions have equal texts.
    pub revision: u64,
    /// First line on the screen.
    pub top: usize,
    requested_at: Nanos,
    /// Progress of the run when the text was requested.
    requested_for: Progress,
}

/// Progress of a run. The report stays the same as long as the progress does.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Progress {
    mode: Mode,
    stage: usize,
    ended: usize,
    /// Number of cases in each phase.
    phases: [usize; CasePhase::COUNT],
}

impl Progress {
    fn from_scene(scene: &Scene) -> Self {
        let session = &scene.session;
        Self { mode: session.mode, stage: session.stage, ended: scene.load.tally.ended, phases: session.counts() }
    }
}

impl ReportView {
    /// Creates a view without text, for which the caller requests the text.
    pub(in crate::app) fn new(scene: &Scene, revision: u64) -> Self {
        Self {
            text: None,
            file: String::new(),
            revision,
            top: 0,
            requested_at: scene.now,
            requested_for: Progress::from_scene(scene),
        }
    }

    /// Time at which to request a new text; `None` while the text is up to date.
    pub fn due(&self, scene: &Scene) -> Option<Nanos> {
        (self.requested_for != Progress::from_scene(scene)).then(|| self.requested_at.plus(RENDER_INTERVAL))
    }

    /// Records that a report of the current progress was requested.
    pub(in crate::app) fn requested(&mut self, scene: &Scene) {
        (self.requested_at, self.requested_for) = (scene.now, Progress::from_scene(scene));
    }
}
