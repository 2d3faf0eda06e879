use super::*;
use crate::domain::session::Plan;
use crate::report::fixture::{answer, report, run, suite};

/// Returns a run with 60 answers to each of two cases. Latencies are about `factor` seconds, with a spread of 5%.
fn side(factor: f64, seed: u64) -> ComparedRun {
    let mut random = crate::domain::random::Random::new(seed);
    let session = run(suite(&["a", "b"]), Plan { repeat: 60, ..Plan::default() }, |id, now| {
        let millis = 1000.0 * factor * (1.0 + 0.05 * random.normal());
        Some(answer(id, now, millis as u64, 10, 50))
    });
    ComparedRun::from_report(&report(session))
}

fn rules(rules: &[&str]) -> Vec<RegressionRule> {
    rules.iter().map(|rule| rule.parse().unwrap()).collect()
}

#[test]
fn an_equal_run_passes_and_one_slowed_by_a_tenth_fails() {
    let rules = rules(&["latency_avg:5%", "ttft_p50:5%", "latency_p95:3%", "speed_avg:5%"]);
    for seed in 0..20 {
        let equal = evaluate(&rules, &side(1.0, seed), &side(1.0, seed + 100));
        assert!(!equal.fails() && !equal.is_advisory(), "{equal:#?}");
        let slowed = evaluate(&rules, &side(1.0, seed), &side(1.1, seed + 100));
        assert!(slowed.fails(), "{slowed:#?}");
        assert!(slowed.rules.iter().all(|rule| rule.worse_percent.is_some_and(|percent| percent > 5.0)), "{slowed:#?}");
    }
}

#[test]
fn a_faster_run_passes_and_a_regression_within_the_tolerance_too() {
    let faster = evaluate(&rules(&["latency_avg:5%"]), &side(1.0, 1), &side(0.8, 2));
    assert_eq!(faster.rules[0].verdict, GateVerdict::Pass);
    let tolerated = evaluate(&rules(&["latency_avg:20%"]), &side(1.0, 1), &side(1.1, 2));
    assert_eq!(tolerated.rules[0].verdict, GateVerdict::Pass);
    assert!(!tolerated.has_regression());
}

#[test]
fn another_machine_server_or_suite_makes_the_gate_advisory() {
    let slow = side(1.1, 2);
    let judged = |change: fn(&mut Fingerprint)| {
        let mut baseline = side(1.0, 1);
        change(&mut baseline.fingerprint);
        evaluate(&rules(&["latency_avg:2%"]), &baseline, &slow)
    };
    let other_cpu = judged(|f| f.machine[1].1 = "Z80".to_owned());
    assert!(other_cpu.has_regression() && other_cpu.is_advisory() && !other_cpu.fails());
    assert!(other_cpu.differences[0].starts_with("the machine differs in its CPU: 'Z80' and "), "{other_cpu:?}");
    let other_model = judged(|f| f.server[1].1 = "tiny".to_owned());
    assert!(other_model.differences[0].starts_with("the server differs in its model: 'tiny'"), "{other_model:?}");
    let other_suite = judged(|f| f.suite[0].1 = "00000000".to_owned());
    assert!(other_suite.differences[0].starts_with("the suite differs in its requests: "), "{other_suite:?}");
    let unknown = judged(|f| f.machine.clear());
    assert_eq!(unknown.differences, ["the machine of one run is unknown"]);
    // A gate exists to judge new server versions, so a different version is no obstacle.
    let other_version = judged(|f| f.server_version = Some("0.1".to_owned()));
    assert!(other_version.fails() && other_version.notes.len() == 1, "{other_version:?}");
}

#[test]
fn a_run_and_its_results_json_have_the_same_fingerprint() {
    let report = report(run(suite(&["a"]), Plan { repeat: 6, ..Plan::default() }, |id, now| {
        Some(answer(id, now, 1000, 10, 50))
    }));
    let export = crate::report::exporters::EXPORTERS.iter().find(|e| e.id == "json").unwrap();
    let read = crate::report::import::results::read(&export.render(&report)).unwrap();
    let own = ComparedRun::from_report(&report);
    assert_eq!(Fingerprint::differences(&read.fingerprint, &own.fingerprint), [""; 0]);
    let gate = evaluate(&rules(&["latency_avg:5%"]), &read, &own);
    assert_eq!(gate.rules[0].verdict, GateVerdict::Pass, "{gate:?}");
}

#[test]
fn different_prompts_or_loads_have_different_fingerprints() {
    let digest = |change: fn(&mut crate::domain::suite::Suite, &mut Plan)| {
        let (mut suite, mut plan) = (suite(&["a"]), Plan::default());
        change(&mut suite, &mut plan);
        crate::report::fingerprint::digest(&run(suite, plan, |_, _| None))
    };
    let own = digest(|_, _| {});
    assert_eq!(own, digest(|_, _| {}));
    assert_ne!(own, digest(|suite, _| suite.cases[0].max_tokens += 1));
    assert_ne!(own, digest(|_, plan| plan.concurrency = 2));
}

#[test]
fn too_few_values_are_not_judged() {
    let few = |seed: u64| {
        let session = run(suite(&["a"]), Plan { repeat: 3, ..Plan::default() }, |id, now| {
            Some(answer(id, now, 1000 + seed, 10, 50))
        });
        ComparedRun::from_report(&report(session))
    };
    let gate = evaluate(&rules(&["latency_avg:5%"]), &few(0), &few(900));
    assert_eq!(gate.rules[0].verdict, GateVerdict::NoInterval);
    assert!(!gate.fails() && gate.lines() == ["· Latency avg: too few values to judge"]);
}

#[test]
fn errors_name_the_fault_of_a_rule() {
    let error = |rule: &str| rule.parse::<RegressionRule>().unwrap_err().to_string();
    assert!(error("ttft_p95").contains("like ttft_p95:5%"));
    assert!(error("ttft_p95:5").contains("in percent"));
    assert!(error("ttft_p95:x%").contains("number from 0"));
    assert!(error("throughput:5%").contains("no interval"));
    assert!(error("ttft_max:5%").contains("minimum and maximum"));
    assert!(error("queue_p95:5%").contains("not compared"));
    assert!(error("tttf_p95:5%").contains("did you mean 'ttft_p95'"));
    let rule: RegressionRule = " p95_ttft_ms : 5% ".parse().unwrap();
    assert_eq!((rule.name().as_str(), rule.unit(), rule.text.as_str()), ("TTFT p95", "ms", "p95_ttft_ms:5%"));
}
