use std::path::Path;

use crate::cli::WorkloadArgs;
use crate::config::suite_file::{SuiteFile, parse_in};
use crate::domain::row_order::Sample;

fn read(text: &str) -> Result<SuiteFile, String> {
    parse_in(Some(Path::new("suites")), text, "cases.toml").map_err(|e| e.to_string())
}

#[test]
fn a_workload_takes_the_place_of_the_cases() {
    let file = read(
        "[defaults]\nmax_tokens = 9\n[workload]\ndataset = \"chat.jsonl\"\ncolumns = { prompt = \"q\", tag = \"kind\" }\n\
         sample = \"shuffled\"\nlimit = 5\nskip_bad_rows = true\nosl = \"20..30\"\nturns = 3\nthink = \"~2s\"\n",
    )
    .unwrap();
    let expected = WorkloadArgs {
        dataset: Some(Path::new("suites").join("chat.jsonl")),
        columns: vec!["prompt=q".to_owned(), "tag=kind".to_owned()],
        sample: Some(Sample::Shuffled),
        limit: Some(5),
        skip_bad_rows: true,
        osl: Some("20..30".parse().unwrap()),
        turns: Some("3".parse().unwrap()),
        think: Some("~2s".parse().unwrap()),
        ..WorkloadArgs::default()
    };
    assert_eq!((file.workload, file.suite.cases.len(), file.template.max_tokens), (expected, 0, 9));
}

#[test]
fn depths_are_a_list_or_the_text_of_the_option() {
    for depth in ["[0, 4096]", "\"0,4096\""] {
        let file = read(&format!("[workload]\ndepth = {depth}\nisl = 512\nosl = 16\n")).unwrap();
        let expected = WorkloadArgs {
            depth: Some("0,4096".parse().unwrap()),
            isl: Some("512".parse().unwrap()),
            osl: Some("16".parse().unwrap()),
            ..WorkloadArgs::default()
        };
        assert_eq!((file.workload, file.suite.cases.len()), (expected, 0));
    }
}

#[test]
fn conversations_need_no_source() {
    let file = read("[workload]\nturns = \"2..4\"\n[[case]]\nname = \"a\"\nprompt = \"p\"\n").unwrap();
    assert_eq!((file.suite.cases.len(), file.workload.turns), (1, Some("2..4".parse().unwrap())));
}

#[test]
fn mistakes_have_their_line() {
    let forms = "use 1024, 1024~128 (normal), 512..2048 (uniform) or 256:60,1024:40 (weights)";
    for (text, expected) in [
        (
            "[workload]\nisl = 0\n",
            format!("cases.toml:2: 'isl': '0' is not a whole number from 1 to 10000000; {forms}"),
        ),
        (
            "[workload]\nisl = true\n",
            "cases.toml:2: 'isl' is a boolean; it must be a number, or a text like \"512..2048\"".to_owned(),
        ),
        (
            "[workload]\nisl = 9\ntrace = \"t\"\n",
            "cases.toml:3: 'isl' and 'trace' are both sources of requests; keep one of them".to_owned(),
        ),
        (
            "[workload]\nprefix = 9\n[[case]]\nname = \"a\"\nprompt = \"p\"\n",
            "cases.toml:2: 'prefix' needs 'isl'; add it, or remove 'prefix'".to_owned(),
        ),
        (
            "[workload]\ndataset = \"d\"\nsample = \"mixed\"\n",
            "cases.toml:3: unknown order 'mixed'; it must be ordered, shuffled or replace".to_owned(),
        ),
        (
            "[workload]\nisl = 9\n[[case]]\nname = \"a\"\nprompt = \"p\"\n",
            "cases.toml:3: [workload] sends requests of its own, so the suite can have no [[case]]; remove one of them"
                .to_owned(),
        ),
        (
            "[workload]\ndepth = [0, true]\n",
            "cases.toml:2: 'depth': 'a boolean' is not a number of tokens up to 10000000; use a list like 0,4096,8192"
                .to_owned(),
        ),
        (
            "[workload]\ndepth = [0, 0]\n",
            "cases.toml:2: 'depth': the depth 0 is listed twice; use a list like 0,4096,8192".to_owned(),
        ),
        (
            "[workload]\ndepth = 0\ntrace = \"t\"\n",
            "cases.toml:3: 'depth' and 'trace' are both sources of requests; keep one of them".to_owned(),
        ),
        (
            "[workload]\ndepth = 0\nturns = 2\n",
            "cases.toml:3: 'turns' does not go with 'depth'; remove one of them".to_owned(),
        ),
        ("[workload]\nisl = 9\nsead = 1\n", "cases.toml:3: unknown key 'sead'".to_owned()),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.starts_with(&expected), "{error}");
    }
}
