use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::session::{Plan, SessionCommand, SessionInput};
use crate::domain::workload::Conversations;
use crate::report::fixture::{answer, refusal, report, run_session, suite};
use crate::report::journal;

/// The run of a shard: its journal.
struct ShardJournal {
    text: String,
}

/// A run to divide.
struct Whole {
    suite: Suite,
    plan: Plan,
    sweep: Vec<usize>,
    count: u64,
}

impl Whole {
    fn new(cases: &[&str], plan: Plan, count: u64) -> Self {
        Self { suite: suite(cases), plan, sweep: Vec::new(), count }
    }

    /// The session of a shard before its first request.
    fn session(&self, index: u64) -> Session {
        let shard = Shard { index, count: self.count };
        let part = |users: usize| shard.part_of(users as u64) as usize;
        let open_loop = self.plan.open_loop.map(|open_loop| open_loop.part_of(shard));
        let plan = Plan { concurrency: part(self.plan.concurrency), open_loop, shard: Some(shard), ..self.plan };
        Session::new(Arc::new(self.suite.clone()), plan).with_sweep(self.sweep.iter().map(|c| part(*c)).collect())
    }

    /// The journal of a shard whose clock started this long after that of the first one.
    fn journal(&self, index: u64, clock_after: Duration, session: &Session) -> ShardJournal {
        let mut of = report(session.clone());
        of.run_id = format!("ts-{index}");
        of.epoch = of.epoch.saturating_add(clock_after);
        let plan = self.session(index).plan;
        let whole = WholeRun { plan: self.plan, sweep: self.sweep.clone(), load_stages: None, digest: "d".into() };
        let run = RunHeader { whole: Some(Box::new(whole)), ..journal::tests::header_of(&of) };
        let run = RunHeader { plan, ..run };
        let mut text = journal::header(&run) + &journal::tests::events_of(session);
        if session.mode == Mode::Finished {
            text += &journal::end(of.finished_at, 0, None);
        }
        ShardJournal { text }
    }
}

fn id_in_shard(index: u64, record: &mut AttemptRecord) {
    record.request_id = format!("ts-{index}-{}-{}", record.id.case + 1, record.id.number);
}

fn read_all(journals: &[ShardJournal]) -> Vec<Saved> {
    journals.iter().map(|journal| journal::read(journal.text.as_bytes()).unwrap()).collect()
}

/// Merges journals and reads the result.
fn merged(journals: &[ShardJournal]) -> (Saved, MergeCounts) {
    let merge = Merge::new("ts-merged".into(), read_all(journals)).unwrap();
    let by_rank: Vec<&[u8]> = merge
        .runs()
        .map(|(_, id)| {
            let named = |journal: &&ShardJournal| journal.text.contains(&format!("\"id\":\"{id}\""));
            journals.iter().find(named).unwrap().text.as_bytes()
        })
        .collect();
    let mut out = Vec::new();
    let counts = merge.write(by_rank, &mut out).unwrap();
    let saved = journal::read(out.as_slice()).unwrap();
    assert_eq!(saved.warnings, [""; 0]);
    (saved, counts)
}

/// Figures of an attempt that no merge may change.
fn figures(record: &AttemptRecord) -> String {
    let ms = |at: Option<Nanos>| at.map(|at| at.0 - record.started.0);
    let gaps: Vec<_> = record.arrivals.iter().map(|arrival| ms(Some(arrival.at))).collect();
    let latency = record.ended.0 - record.started.0;
    let times = [ms(record.headers_at), ms(record.finish_at)];
    format!("{} {:?} {latency} {times:?} {:?} {gaps:?}", record.request_id, record.status, record.usage)
}

fn all_figures<'a>(sessions: impl Iterator<Item = &'a Session>) -> Vec<String> {
    let mut all: Vec<String> = sessions.flat_map(|s| s.records().map(|record| figures(&record))).collect();
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The merged run is the single run over the same records: every one of them, once, with all its durations.
    #[test]
    fn a_merged_run_has_the_records_of_all_shards(
        count in 1_u64..5,
        cases in 1_usize..4,
        repeat in 1_u32..7,
        clocks_ms in proptest::collection::vec(0_u64..5000, 5),
        millis in proptest::collection::vec(20_u64..900, 40),
    ) {
        let names = &["a", "b", "c"][..cases];
        let plan = Plan { concurrency: count as usize, repeat, ..Plan::default() };
        let whole = Whole::new(names, plan, count);
        let run = |index: u64| {
            run_session(whole.session(index), |id, _, now| {
                let place = (index * 13 + id.case as u64 * 5 + u64::from(id.number)) as usize;
                let millis = millis[place % millis.len()];
                let mut record =
                    if millis % 7 == 0 { refusal(id, now, "no") } else { answer(id, now, millis, 9, millis / 10) };
                id_in_shard(index, &mut record);
                Some(record)
            })
        };
        let sessions: Vec<Session> = (0..count).map(run).collect();
        let clock = |index: u64| Duration::from_millis(clocks_ms[index as usize]);
        let journals: Vec<ShardJournal> =
            (0..).zip(&sessions).map(|(index, session)| whole.journal(index, clock(index), session)).collect();
        let (saved, counts) = merged(&journals);
        prop_assert_eq!(all_figures([&saved.session].into_iter()), all_figures(sessions.iter()));
        prop_assert_eq!((counts.attempts, counts.left_out), (cases * repeat as usize, 0));
        prop_assert_eq!((saved.session.mode, saved.run.plan), (Mode::Finished, plan));
        prop_assert_eq!(saved.session.is_partial(), sessions.iter().any(Session::is_partial));
        for shard in &saved.run.shards {
            let sent = saved.session.records().filter(|record| shard.sent(&record.request_id)).count();
            let own = sessions[shard.rank as usize].records().count();
            prop_assert_eq!((sent, shard.of, shard.is_complete), (own, count, true));
        }
        // Times lie on one clock, from the start of the earliest one.
        let first = clocks_ms.iter().take(count as usize).min().unwrap();
        for record in saved.session.records() {
            let rank: usize = record.request_id.get(3..4).unwrap().parse().unwrap();
            let shards = sessions[rank].records();
            let own = shards.into_iter().find(|own| own.request_id == record.request_id).unwrap();
            let later = Duration::from_millis(clocks_ms[rank] - first);
            prop_assert_eq!(record.started, own.started.plus(later));
        }
    }
}

fn answers(whole: &Whole, index: u64, millis: u64) -> Session {
    run_session(whole.session(index), |id, _, now| {
        let mut record = answer(id, now, millis, 9, 20);
        id_in_shard(index, &mut record);
        Some(record)
    })
}

fn journals_of(whole: &Whole, sessions: &[Session]) -> Vec<ShardJournal> {
    (0..).zip(sessions).map(|(index, session)| whole.journal(index, Duration::ZERO, session)).collect()
}

#[test]
fn a_run_without_one_of_its_shards_is_incomplete_and_keeps_its_figures() {
    let whole = Whole::new(&["a"], Plan { concurrency: 3, repeat: 6, ..Plan::default() }, 3);
    let sessions = [0, 1, 2].map(|index| answers(&whole, index, 100));
    let mut journals = journals_of(&whole, &sessions);
    journals.remove(1);
    let (saved, counts) = merged(&journals);
    assert_eq!((counts.attempts, saved.session.is_partial()), (4, true));
    assert_eq!(saved.run.shards.iter().map(|shard| shard.rank).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(crate::report::shards::shard_count(&saved.run.shards).unwrap(), "incomplete: 2 of 3 shards");
    assert_eq!(saved.session.cases[0].attempts.iter().filter(|a| a.is_good()).count(), 4);
}

#[test]
fn a_killed_shard_leaves_its_finished_requests() {
    let whole = Whole::new(&["a"], Plan { concurrency: 2, repeat: 6, ..Plan::default() }, 2);
    let killed = run_session(whole.session(1), |id, _, now| (id.number < 3).then(|| answer(id, now, 100, 9, 20)));
    let (saved, counts) = merged(&journals_of(&whole, &[answers(&whole, 0, 100), killed]));
    assert_eq!((counts.attempts, saved.session.is_partial()), (5, true));
    let complete: Vec<bool> = saved.run.shards.iter().map(|shard| shard.is_complete).collect();
    assert_eq!(complete, [true, false]);
}

#[test]
fn stages_of_a_sweep_contain_the_requests_of_all_shards() {
    let mut whole = Whole::new(&["a"], Plan { repeat: 8, ..Plan::default() }, 2);
    whole.sweep = vec![2, 4];
    // The second shard is much slower, so that its first stage ends after the second stage of the other has begun.
    let sessions = [answers(&whole, 0, 100), answers(&whole, 1, 900)];
    let (saved, counts) = merged(&journals_of(&whole, &sessions));
    assert_eq!((counts.attempts, saved.session.mode, saved.session.sweep.clone()), (16, Mode::Finished, vec![2, 4]));
    for stage in [0, 1] {
        assert_eq!(saved.session.cases[0].stage_attempts(stage).len(), 8, "stage {stage}");
    }
}

#[test]
fn a_rerun_replaces_its_attempts_and_a_discarded_attempt_is_left_out() {
    let whole = Whole::new(&["a", "b"], Plan { concurrency: 2, repeat: 2, ..Plan::default() }, 2);
    let mut rerun = answers(&whole, 0, 100);
    let mut now = rerun.last_ended.unwrap();
    let commands = rerun.handle(SessionInput::Rerun(0));
    for command in commands {
        let SessionCommand::Start { id, .. } = command else { continue };
        let mut record = answer(id, now, 300, 9, 20);
        id_in_shard(0, &mut record);
        now = record.ended;
        rerun.handle(SessionInput::Ended(id, Arc::new(record)));
    }
    let (saved, counts) = merged(&journals_of(&whole, &[rerun, answers(&whole, 1, 100)]));
    assert_eq!((counts.attempts, counts.left_out), (4, 1));
    let latencies: Vec<u64> = saved.session.records().map(|r| (r.ended.0 - r.started.0) / 100_000_000).collect();
    assert_eq!(latencies, [1, 3, 1, 1]);
}

#[test]
fn only_a_hold_of_all_shards_is_a_hold_of_the_run() {
    let whole = Whole::new(&["a"], Plan { concurrency: 2, repeat: 4, ..Plan::default() }, 2);
    // Both shards are held for a while, the second one for longer. It is held alone while the other one works; once that
    // has finished, nothing runs.
    let held = |index: u64, holds_ms: &[(u64, u64)]| {
        let mut session = whole.session(index);
        let mut open = session.handle(SessionInput::Begin(Nanos::default()));
        let mut now = 0;
        let mut holds = holds_ms.iter().peekable();
        while let Some(SessionCommand::Start { id, .. }) = open.pop() {
            let mut record = answer(id, Nanos::from_millis(now), 100, 9, 20);
            id_in_shard(index, &mut record);
            let hold = holds.next_if(|(from, _)| *from <= now + 50);
            if let Some((from, _)) = hold {
                session.handle(SessionInput::Tick(Nanos::from_millis(*from)));
                session.handle(SessionInput::ToggleHold);
            }
            now = record.ended.0.div_ceil(1_000_000);
            open = session.handle(SessionInput::Ended(id, Arc::new(record)));
            if let Some((_, until)) = hold {
                now = *until;
                session.handle(SessionInput::Tick(Nanos::from_millis(now)));
                open = session.handle(SessionInput::ToggleHold);
            }
        }
        session
    };
    let sessions = [held(0, &[(50, 1000)]), held(1, &[(50, 2000)])];
    assert!(sessions.iter().all(|session| session.mode == Mode::Finished));
    let (saved, _) = merged(&journals_of(&whole, &sessions));
    let holds: Vec<(&str, u64)> = saved
        .events
        .iter()
        .filter_map(|event| match event.what {
            EventKind::Held => Some(("held", event.at.0 / 1_000_000)),
            EventKind::HoldEnded => Some(("ended", event.at.0 / 1_000_000)),
            _ => None,
        })
        .collect();
    let finished = sessions[0].last_ended.unwrap().0 / 1_000_000;
    assert_eq!(holds, [("held", 50), ("ended", 1000), ("held", finished), ("ended", 2000)]);
}

#[test]
fn conversations_keep_their_turns_and_get_numbers_of_their_own() {
    let mut whole = Whole::new(&["a"], Plan { concurrency: 2, repeat: 2, ..Plan::default() }, 2);
    whole.suite.conversations =
        Some(Conversations { turns: Some("3".parse().unwrap()), think: None, session_header: None, seed: 1 });
    let run = |index: u64| {
        run_session(whole.session(index), |id, _, now| {
            let mut record = answer(id, now, 100 + index, 9, 20);
            id_in_shard(index, &mut record);
            Some(record)
        })
    };
    let (saved, counts) = merged(&journals_of(&whole, &[run(0), run(1)]));
    assert_eq!((counts.attempts, saved.session.mode), (6, Mode::Finished));
    let mut turns: Vec<(u32, u16, String)> = saved
        .session
        .records()
        .map(|record| {
            (record.turn.unwrap().conversation, record.turn.unwrap().number, record.request_id.get(..4).unwrap().into())
        })
        .collect();
    turns.sort();
    let expected = |conversation, shard: &str| [1, 2, 3].map(|number| (conversation, number, shard.to_owned()));
    assert_eq!(turns, [expected(1, "ts-0"), expected(2, "ts-1")].concat());
}

#[test]
fn requests_that_no_shard_sent_in_time_add_up() {
    let rate = OpenLoop { rate_per_s: 20.0, process: Process::Constant, seed: 0 };
    let plan =
        Plan { concurrency: 2, open_loop: Some(rate), duration: Some(Duration::from_secs(2)), ..Plan::default() };
    let whole = Whole::new(&["a"], plan, 2);
    // One request in flight per shard, each for half a second: most are due and get no slot.
    let run = |index: u64| {
        let mut session = whole.session(index);
        let mut open = session.handle(SessionInput::Begin(Nanos::default()));
        let mut now = Nanos::default();
        while session.mode != Mode::Finished && now < Nanos::from_millis(10_000) {
            now = now.plus(Duration::from_millis(500));
            for command in std::mem::take(&mut open) {
                let SessionCommand::Start { id, due, .. } = command else { continue };
                let started = due.unwrap_or_default().max(Nanos(now.0 - 500_000_000));
                let mut record = answer(id, started, 400, 9, 20);
                record.intended = due;
                id_in_shard(index, &mut record);
                open.extend(session.handle(SessionInput::Ended(id, Arc::new(record))));
            }
            open.extend(session.handle(SessionInput::Tick(now)));
        }
        session
    };
    let sessions = [run(0), run(1)];
    let not_started = sessions.iter().map(|session| session.not_started).sum::<usize>();
    assert!(not_started > 0 && sessions.iter().all(|session| session.mode == Mode::Finished));
    let (saved, _) = merged(&journals_of(&whole, &sessions));
    assert_eq!((saved.session.not_started, saved.session.mode), (not_started, Mode::Finished));
    let due = |session: &Session| session.records().filter(|record| record.intended.is_some()).count();
    assert_eq!(due(&saved.session), sessions.iter().map(due).sum::<usize>());
}

#[test]
fn runs_that_are_not_shards_of_one_run_are_refused_by_name() {
    let whole = Whole::new(&["a"], Plan { concurrency: 2, repeat: 2, ..Plan::default() }, 2);
    let journals = journals_of(&whole, &[answers(&whole, 0, 100), answers(&whole, 1, 100)]);
    let why = |change: &dyn Fn(&mut Vec<Saved>)| {
        let mut saved = read_all(&journals);
        change(&mut saved);
        Merge::new("ts-m".into(), saved).unwrap_err().to_string()
    };
    assert_eq!(why(&|saved| saved.clear()), "there is nothing to merge");
    assert_eq!(why(&|saved| saved[1].run.whole = None), "ts-1 is not a shard: it was measured without --shard");
    assert_eq!(
        why(&|saved| saved[1].run.plan.shard = saved[0].run.plan.shard),
        "ts-0 and ts-1 are both shard 0/2; leave one out"
    );
    assert_eq!(
        why(&|saved| saved[1].run.model = "other".into()),
        "ts-0 and ts-1 are not shards of one run: they differ in their model ('glm-4.7-flash' and 'other')"
    );
    let digest = why(&|saved| saved[1].run.whole.as_mut().unwrap().digest = "e".into());
    assert!(digest.ends_with("differ in their suite or load, by their checksums ('d' and 'e')"), "{digest}");
    let tool = why(&|saved| saved[1].run.tool = "9.9".into());
    assert!(tool.contains("differ in their version of tokscope"), "{tool}");
}

#[test]
fn a_journal_that_changed_since_it_was_checked_is_an_error() {
    let whole = Whole::new(&["a"], Plan { concurrency: 2, repeat: 4, ..Plan::default() }, 2);
    let journals = journals_of(&whole, &[answers(&whole, 0, 100), answers(&whole, 1, 100)]);
    let merge = Merge::new("ts-m".into(), read_all(&journals)).unwrap();
    let cut = journals[1].text.get(..journals[1].text.len() / 2).unwrap();
    let error = merge.write(vec![journals[0].text.as_bytes(), cut.as_bytes()], &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("is no longer there"), "{error}");
}
