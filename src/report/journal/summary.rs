//! Reads key figures of a journal from its first and last line.

use serde::Deserialize;

use super::RunHeader;
use super::line::{End, Figures};
use super::read::{JournalError, read_first_line};
use crate::domain::load_stages::LoadStages;
use crate::domain::session::Plan;
use crate::domain::suite::Suite;
use crate::domain::workload::WorkloadSource;
use crate::report::run_figures::RunFigures;

/// Header and figures of a run, for the list of runs.
#[derive(Clone, Debug)]
pub struct JournalSummary {
    /// Parts of the header that the list needs.
    pub header: JournalSummaryHeader,
    /// Figures of the run at its end.
    pub figures: RunFigures,
}

/// Parts of a [`RunHeader`], without prompts and machine.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the names are those of `RunHeader`")]
pub struct JournalSummaryHeader {
    pub id: String,
    pub url: String,
    pub model: String,
    #[serde(default)]
    pub simulated: bool,
    pub suite: BriefSuite,
    #[serde(default)]
    pub plan: Plan,
    #[serde(default)]
    pub sweep: Vec<usize>,
}

/// Parts of the suite.
#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "the names are those of `Suite`")]
pub struct BriefSuite {
    pub name: String,
    #[serde(default)]
    pub case_patterns: Vec<String>,
    #[serde(default)]
    pub load_stages: Option<LoadStages>,
    #[serde(default)]
    pub workload: Option<BriefWorkload>,
}

/// Parts of the workload.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the name is that of `Workload`")]
pub struct BriefWorkload {
    pub source: WorkloadSource,
}

impl From<&RunHeader> for JournalSummaryHeader {
    fn from(run: &RunHeader) -> Self {
        Self {
            id: run.id.clone(),
            url: run.url.clone(),
            model: run.model.clone(),
            simulated: run.simulated,
            suite: BriefSuite::from(&*run.suite),
            plan: run.plan,
            sweep: run.sweep.clone(),
        }
    }
}

impl From<&Suite> for BriefSuite {
    fn from(suite: &Suite) -> Self {
        Self {
            name: suite.name.clone(),
            case_patterns: suite.case_patterns.clone(),
            load_stages: suite.load_stages.clone(),
            workload: suite.workload.as_ref().map(|workload| BriefWorkload { source: workload.source.clone() }),
        }
    }
}

/// Reads the first and the last line of a journal. `None` if the last line has no figures, because the run was
/// interrupted.
///
/// # Errors
///
/// Returns an error if the first line is not the header of a journal that this version can read.
pub fn read_brief(first: &[u8], last: &[u8]) -> Result<Option<JournalSummary>, JournalError> {
    #[derive(Deserialize)]
    struct First {
        run: JournalSummaryHeader,
    }
    const END: &[u8] = b"{\"type\":\"end\"";
    const FIGURES: &[u8] = b"{\"type\":\"figures\"";
    let first: First = read_first_line(first)?;
    let figures = if last.starts_with(END) {
        serde_json::from_slice::<End>(last).ok().and_then(|end| end.figures)
    } else if last.starts_with(FIGURES) {
        serde_json::from_slice::<Figures>(last).ok().map(|done| done.figures)
    } else {
        None
    };
    Ok(figures.map(|figures| JournalSummary { header: first.run, figures }))
}
