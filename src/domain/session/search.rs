//! Probes of a search for the largest load (`--find`).

use std::time::Duration;

use super::{AttemptState, CasePhase, CaseState, EventKind, InvalidEvent, Mode, NO_LIMIT, Plan, RunClock, Session};
use crate::domain::attempt::{AttemptId, AttemptStatus};
use crate::domain::load_search::{
    FinishedProbe, LOOKS, LoadSearch, ProbeVerdict, SearchLoad, SearchOutcome, SearchStep, SearchVariable,
    fails_clearly, judge, least_requests, overall,
};
use crate::domain::probe_window::{ProbeWindow, probe_window};
use crate::domain::time::Nanos;

/// Minimum length of the steady part of an open-loop probe, seconds.
const MIN_STEADY_S: f64 = 10.0;
/// Minimum number of ended requests for the first look at a probe.
const FIRST_LOOK: usize = 8;

/// A probe of a search. Its requests are the attempts whose stage is the index of the probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Load of the probe.
    pub load: SearchLoad,
    /// Time at which the probe began.
    pub began: Nanos,
    /// Time of the verdict; `None` while the probe runs.
    pub judged: Option<Nanos>,
    /// Verdict of the probe; undecided while the probe runs.
    pub verdict: ProbeVerdict,
    /// Whether the estimates of the probe meet every threshold.
    pub meets: bool,
    /// Number of requests in the steady parts of all probes at this load up to this one.
    pub requests: usize,
}

/// State of a search. The probes determine its next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchState {
    /// Settings.
    pub settings: LoadSearch,
    /// Probes in order. The last one may still run.
    pub probes: Vec<Probe>,
    /// Number of looks at the current probe; not part of a saved run.
    looks: u32,
    /// Number of requests of the current probe that must have ended for the next look.
    next_look: usize,
    /// Number of requests of the current probe that ended.
    ended: usize,
}

impl SearchState {
    /// Creates a search without probes.
    pub(super) fn new(settings: LoadSearch) -> Self {
        Self { settings, probes: Vec::new(), looks: 0, next_look: FIRST_LOOK, ended: 0 }
    }

    /// Returns the probes that have a verdict.
    pub fn finished(&self) -> Vec<FinishedProbe> {
        let finished = self.probes.iter().filter(|probe| probe.judged.is_some());
        finished.map(|&Probe { load, verdict, meets, .. }| FinishedProbe { load, verdict, meets }).collect()
    }

    /// Returns the result so far.
    pub fn outcome(&self) -> SearchOutcome {
        self.settings.outcome(&self.finished())
    }

    /// Returns the probe that runs; `None` between two probes.
    pub fn current(&self) -> Option<&Probe> {
        self.probes.last().filter(|probe| probe.judged.is_none())
    }

    /// Completed share of the search, 0 to 1, of the probes that it is expected to take: one for each doubling and each
    /// halving, and a second one at either end.
    pub fn share(&self) -> f64 {
        let halvings = f64::from(self.settings.max.0.max(1).ilog2());
        let share = self.finished().len() as f64 / (2.0 * halvings + 3.0);
        if self.is_complete() { 1.0 } else { share.min(0.99) }
    }

    /// Returns the next step after the finished probes.
    fn next(&self) -> SearchStep {
        self.settings.next(&self.finished())
    }

    /// Returns whether the result is known and no probe runs.
    pub fn is_complete(&self) -> bool {
        self.current().is_none() && self.next() == SearchStep::Done
    }
}

/// Sets the load of a probe in a plan.
fn set_load(plan: &mut Plan, settings: &LoadSearch, load: SearchLoad) {
    match settings.variable {
        SearchVariable::Concurrency => plan.concurrency = load.0 as usize,
        SearchVariable::Rate => {
            if let Some(open) = &mut plan.open_loop {
                open.rate_per_s = settings.value(load);
            }
        }
    }
}

impl Session {
    /// The search of the run; `None` if its load is given.
    pub const fn search(&self) -> Option<&SearchState> {
        self.search.as_ref()
    }

    /// Index of the probe whose figures represent the run: the last probe at the highest load that passed, or else the
    /// last probe. `None` without a search or a probe.
    pub fn headline_probe(&self) -> Option<usize> {
        let search = self.search.as_ref()?;
        let pass = search.outcome().last_pass;
        let at_limit = search.probes.iter().rposition(|p| Some(p.load) == pass && p.verdict == ProbeVerdict::Pass);
        at_limit.or_else(|| search.probes.len().checked_sub(1))
    }

    /// Name of the current probe, like `probe 5, concurrency 16`; `None` without a search.
    pub fn probe_name(&self) -> Option<String> {
        let search = self.search.as_ref()?;
        let probe = search.probes.last()?;
        let (variable, load) = (search.settings.variable.as_str(), search.settings.number(probe.load));
        Some(format!("probe {}, {variable} {load}", search.probes.len()))
    }

    /// Returns the steady part of a probe; `None` without a search, or while there is no steady part.
    pub fn probe_window(&self, probe: usize) -> Option<ProbeWindow> {
        let search = self.search.as_ref()?;
        let stage = |attempt: &&AttemptState| attempt.stage == probe && !attempt.warmup;
        let attempts = || self.attempts().filter(stage);
        // The window ends with the verdict, even if requests ended later.
        let until = search.probes.get(probe)?.judged.unwrap_or(self.now);
        let is_current = probe + 1 == search.probes.len();
        let mut open: Vec<Nanos> = if is_current { self.open_starts() } else { Vec::new() };
        let mut records = Vec::new();
        for record in attempts().filter_map(AttemptState::record) {
            if record.ended > until {
                open.push(record.clock_start());
            } else if record.status != AttemptStatus::Cancelled {
                records.push(record);
            }
        }
        // Conversations have think times without a request in flight, so their requests never reach the whole
        // concurrency.
        let has_conversations = attempts().any(|attempt| attempt.turn.is_some());
        let is_closed = !self.is_open_loop() && !has_conversations;
        let concurrency = search.probes.get(probe).filter(|_| is_closed).map(|p| p.load.0 as usize);
        probe_window(records, &open, concurrency, self.schedule_pauses(), until)
    }

    /// The steady parts of a probe and of all earlier probes at its load, on which its verdict is based.
    pub fn probe_evidence(&self, probe: usize) -> Option<ProbeWindow> {
        let probes = &self.search.as_ref()?.probes;
        let load = probes.get(probe)?.load;
        let same = probes.iter().take(probe + 1).enumerate().filter(|(_, other)| other.load == load);
        let windows = same.filter_map(|(at, _)| self.probe_window(at));
        windows.reduce(|mut all, window| {
            let seconds = all.seconds + window.seconds;
            all.throughput_per_s =
                (all.throughput_per_s * all.seconds + window.throughput_per_s * window.seconds) / seconds;
            all.seconds = seconds;
            all.records.extend(window.records);
            all
        })
    }

    /// Starts of the measured requests in flight.
    fn open_starts(&self) -> Vec<Nanos> {
        let start = |(id, ordered): (&AttemptId, &Nanos)| {
            let attempt = self.attempt(*id).filter(|a| !a.warmup && !a.abandoned)?;
            Some(attempt.due.unwrap_or(*ordered))
        };
        self.index.open().iter().filter_map(start).collect()
    }

    /// Counts a measured request that ended.
    pub(super) const fn count_probed(&mut self) {
        if let Some(search) = &mut self.search {
            search.ended += 1;
        }
    }

    /// Returns the next event of the search, if one is due: the start of a probe, or the verdict on the current one.
    pub(super) fn next_search_step(&mut self) -> Option<EventKind> {
        let search = self.search.as_ref().filter(|_| self.mode == Mode::Running)?;
        let is_drained = self.index.unsettled() == 0 && self.in_flight() == 0;
        if search.current().is_some() {
            return self.verdict(is_drained);
        }
        let SearchStep::Probe(load) = search.next() else { return None };
        let is_cool = search.probes.is_empty() || (is_drained && self.probe_ready_at() <= self.now);
        (is_cool && self.is_search_left()).then_some(EventKind::ProbeBegan { probe: search.probes.len(), load })
    }

    /// Time from which the next probe may start; `None` unless the search waits for this time.
    pub(super) fn probe_begins_at(&self) -> Option<Nanos> {
        let search = self.search.as_ref().filter(|search| self.mode == Mode::Running && !search.probes.is_empty())?;
        let is_drained = self.index.unsettled() == 0 && self.in_flight() == 0;
        (is_drained && search.current().is_none() && self.is_search_left()).then(|| self.probe_ready_at())
    }

    /// Returns whether probes are left: the result is not known, and the user has not cancelled all cases.
    pub(super) fn is_search_left(&self) -> bool {
        let is_open = self.search.as_ref().is_some_and(|search| !search.is_complete());
        is_open && self.index.count(CasePhase::Cancelled) < self.cases.len()
    }

    fn probe_ready_at(&self) -> Nanos {
        self.changed_at.plus(self.search.as_ref().map_or(Duration::ZERO, |search| search.settings.cool_down))
    }

    /// Returns the verdict on the current probe, if enough of its requests ended for a look, or if all of them did
    /// (`is_over`).
    fn verdict(&mut self, is_over: bool) -> Option<EventKind> {
        let search = self.search.as_ref()?;
        let (looks, probe, wanted) = (search.looks, search.probes.len() - 1, self.requests_of_look(search.looks));
        if search.ended < search.next_look && !is_over {
            return None;
        }
        let window = self.probe_window(probe);
        let (fresh, seconds) = window.map_or((0, 0.0), |window| (window.records.len(), window.seconds));
        // In an open loop, the queue grows and shrinks slowly, so a short probe sees only a part of these changes.
        let is_short = self.is_open_loop() && seconds < MIN_STEADY_S;
        let records = self.probe_evidence(probe).map_or_else(Vec::new, |window| window.records);
        let (mut verdict, meets) = overall(&judge(self.slos(), &records));
        let is_early = (fresh < wanted || is_short) && !is_over;
        if is_early {
            let is_clear = looks == 0 && fails_clearly(self.slos(), &records);
            verdict = if is_clear { ProbeVerdict::Fail } else { ProbeVerdict::Undecided };
        }
        let search = self.search.as_mut()?;
        search.looks += u32::from(!is_early);
        // More requests must end than are missing, because not all of them are steady: some lie outside of the steady
        // part, or were sent after one that is still in flight.
        let more = match wanted.saturating_sub(fresh) {
            0 if is_short => fresh / 4,
            0 => fresh,
            missing => missing,
        };
        search.next_look = search.ended + more.min(search.ended.max(FIRST_LOOK)).max(1);
        let is_decided = verdict != ProbeVerdict::Undecided || is_over || search.looks >= LOOKS;
        let requests = u32::try_from(records.len()).unwrap_or(u32::MAX);
        is_decided.then_some(EventKind::ProbeJudged { verdict, meets, requests })
    }

    /// Number of steady requests that the look with this number needs.
    fn requests_of_look(&self, look: u32) -> usize {
        least_requests(self.slos()) << look.min(LOOKS)
    }

    /// Checks that a probe may begin.
    pub(super) fn check_probe(&self, probe: usize, load: SearchLoad) -> Result<(), InvalidEvent> {
        let follows = self.search.as_ref().is_some_and(|search| {
            let is_within = load.0 > 0 && load <= search.settings.max;
            probe == search.probes.len() && search.current().is_none() && is_within
        });
        if follows { Ok(()) } else { Err(InvalidEvent::NoSuchStage) }
    }

    /// Checks that the current probe may be judged.
    pub(super) fn check_verdict(&self) -> Result<(), InvalidEvent> {
        let is_current = self.search.as_ref().is_some_and(|search| search.current().is_some());
        if is_current { Ok(()) } else { Err(InvalidEvent::OutOfOrder) }
    }

    /// Begins a probe: all cases start again under the probe's load.
    pub(super) fn begin_probe(&mut self, probe: usize, load: SearchLoad, at: Nanos) {
        let Some(search) = &mut self.search else { return };
        let new = Probe { load, began: at, judged: None, verdict: ProbeVerdict::Undecided, meets: false, requests: 0 };
        search.probes.push(new);
        (search.looks, search.ended, search.next_look) = (0, 0, FIRST_LOOK);
        set_load(&mut self.plan, &search.settings, load);
        self.stage = probe;
        self.restart_cases(probe);
    }

    /// Ends a probe. If the probe passed, requests in flight continue. Otherwise they are discarded, because a long
    /// queue would take long to drain.
    pub(super) fn end_probe(&mut self, at: Nanos, verdict: ProbeVerdict, meets: bool, requests: u32) {
        if let Some(probe) = self.search.as_mut().and_then(|search| search.probes.last_mut()) {
            (probe.judged, probe.verdict, probe.meets) = (Some(at), verdict, meets);
            probe.requests = requests as usize;
        }
        self.end_time(0);
        if verdict != ProbeVerdict::Pass {
            for case in 0..self.cases.len() {
                self.edit(case, CaseState::discard_open);
            }
        }
    }

    /// Returns the attempts in flight that the end of a probe with this verdict discards.
    pub(super) fn discarded_by(&self, verdict: ProbeVerdict) -> Vec<AttemptId> {
        if verdict == ProbeVerdict::Pass { Vec::new() } else { self.open_and_counting() }
    }

    /// Restarts all cases for a stage or a probe, with a fresh schedule.
    pub(super) fn restart_cases(&mut self, stage: usize) {
        self.clock = RunClock::new(&self.plan);
        self.rows_taken = 0;
        for case in 0..self.cases.len() {
            let attempts = self.attempts_of(case);
            self.edit(case, |c| c.begin_stage(stage, attempts));
        }
        self.set_schedule();
    }

    /// Returns the plan with the load of a search's first probe.
    pub(super) fn plan_of_search(mut plan: Plan, search: Option<&LoadSearch>) -> Plan {
        if let (Some(search), SearchStep::Probe(first)) = (search, search.map_or(SearchStep::Done, |s| s.next(&[]))) {
            set_load(&mut plan, search, first);
            if search.variable == SearchVariable::Concurrency && plan.concurrency == NO_LIMIT {
                plan.concurrency = 1;
            }
        }
        plan
    }
}
