use super::*;
use crate::domain::interval::Interval;
use crate::domain::session::Plan;
use crate::report::fixture::{answer, refusal, report, run, suite};
use crate::report::gate_result::RuleResult;

fn gate(verdict: GateVerdict, differences: Vec<String>) -> GateResult {
    let rule = RuleResult {
        text: "ttft_p95:5%".to_owned(),
        figure: "TTFT p95".to_owned(),
        unit: "ms",
        tolerance_percent: 5.0,
        baseline: Some(100.0),
        value: Some(110.0),
        worse_percent: Some(10.0),
        worse_percent_ci95: Some(Interval { low: 7.0, high: 13.0 }),
        verdict,
    };
    GateResult { baseline: "ts-0".to_owned(), differences, notes: Vec::new(), rules: vec![rule] }
}

fn with_gate(gate: GateResult) -> Report {
    let mut asked = suite(&["good", "bad <&\"'> \u{1b}[2J"]);
    asked.slos = vec!["error_rate<10%".parse().unwrap()];
    let session = run(asked, Plan { repeat: 2, ..Plan::default() }, |id, now| {
        Some(if id.case == 1 { refusal(id, now, "no room & <none>") } else { answer(id, now, 1500, 10, 50) })
    });
    let mut report = report(session);
    report.gate = Some(gate.into());
    report
}

#[test]
fn failed_cases_missed_thresholds_and_regressions_are_failures() {
    let xml = render(&with_gate(gate(GateVerdict::Fail, Vec::new())));
    assert!(xml.contains("tests=\"4\" failures=\"3\" errors=\"0\" skipped=\"0\""), "{xml}");
    assert!(
        xml.contains("<testcase classname=\"tokscope.case\" name=\"good\" time=\"1.500\">\n    </testcase>"),
        "{xml}"
    );
    let bad = "<testcase classname=\"tokscope.case\" name=\"bad &lt;&amp;&quot;&apos;&gt; \" time=\"0.000\">\n      \
               <failure message=\"unavailable: no room &amp; &lt;none&gt;\"/>";
    assert!(xml.contains(bad), "{xml}");
    assert!(xml.contains("classname=\"tokscope.threshold\" name=\"error rate &lt; 10%\""), "{xml}");
    assert!(xml.contains(
        "TTFT p95 110 ms, baseline 100 ms: 10.0% worse (95% interval 7.0% worse to 13.0% worse), regression beyond 5%"
    ));
    assert!(!xml.contains('\u{1b}'));
}

#[test]
fn an_advisory_regression_is_skipped_with_a_reason() {
    let xml =
        render(&with_gate(gate(GateVerdict::Fail, vec!["the machine differs in its cores: '2' and '8'".to_owned()])));
    assert!(xml.contains("failures=\"2\" errors=\"0\" skipped=\"1\""), "{xml}");
    assert!(xml.contains("<skipped message=\"advisory: TTFT p95 110 ms"), "{xml}");
    let passed = render(&with_gate(gate(GateVerdict::NotShown, Vec::new())));
    assert!(passed.contains("failures=\"2\" errors=\"0\" skipped=\"0\""), "{passed}");
}

#[test]
fn annotations_escape_their_delimiters() {
    let text = crate::report::github::annotations(&with_gate(gate(GateVerdict::Fail, Vec::new())));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines.iter().all(|line| line.starts_with("::error title=tokscope%3A ")), "{text}");
    assert!(
        lines[2].contains("regression gate ttft_p95%3A5%25::TTFT p95 110 ms") && lines[2].contains("10.0%25 worse"),
        "{text}"
    );
    let advisory = with_gate(gate(GateVerdict::Fail, vec!["a\n::error::b".to_owned()]));
    let text = crate::report::github::annotations(&advisory);
    assert!(
        text.lines().filter(|line| line.starts_with("::warning ")).count() == 2 && text.lines().count() == 4,
        "{text}"
    );
    let summary = crate::report::github::job_summary(&advisory);
    assert!(
        summary.contains("⚠ **regression, advisory only** against ts")
            && summary.contains("| good | ok | 150 | 33.3 |"),
        "{summary}"
    );
}
