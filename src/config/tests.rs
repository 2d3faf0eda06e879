use clap::Parser;

use super::*;
use crate::cli::Cli;
use crate::domain::open_loop::Process;
use crate::runtime::spec::SuiteSource;
use crate::telemetry::GpuChoice;

const TWO_CASES: &str = "[suite]\nname = \"S\"\n[[case]]\nname = \"Debug Task\"\nprompt = \"p\"\n[[case]]\nname = \"ÄRGER\"\nprompt = \"q\"\n";

/// Returns the inputs of `tokscope ARGS` in `folder`, with these variables set.
fn spec(args: &[&str], variables: &[(&str, &str)], folder: &Path, simulator: Option<&str>) -> Result<RunSpec, String> {
    let cli = Cli::try_parse_from(["tokscope"].iter().chain(args)).expect("the command line is sound");
    let env = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
    run_spec(&cli.run, &env, folder, simulator.map(str::to_owned)).map_err(|e| e.to_string())
}

fn empty_folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder for the test")
}

fn folder_with(name: &str, text: &str) -> tempfile::TempDir {
    let folder = empty_folder();
    std::fs::write(folder.path().join(name), text).expect("a file for the test");
    folder
}

fn names(spec: &RunSpec) -> Vec<&str> {
    spec.session.suite.cases.iter().map(|c| c.name.as_str()).collect()
}

/// Returns the error of rejected inputs; a `RunSpec` has no `Debug`.
fn refused(result: Result<RunSpec, String>) -> String {
    result.err().expect("this is refused")
}

#[test]
fn all_options_are_passed_on() {
    let folder = empty_folder();
    let args = [
        "localhost:8000",
        "--model",
        "m",
        "--api-key-env",
        "MY_KEY",
        "--header",
        "X-Team: a",
        "--case",
        "ml",
        "--concurrency",
        "4",
        "--repeat",
        "3",
        "--warmup",
        "2",
        "--timeout",
        "1.5",
    ];
    let spec = spec(&args, &[("MY_KEY", "k"), ("OPENAI_API_KEY", "other")], folder.path(), None).unwrap();
    assert_eq!(spec.engine.base_url, "http://localhost:8000/v1");
    assert_eq!(
        (spec.engine.simulated, spec.session.model.as_deref(), spec.engine.api_key.as_deref()),
        (false, Some("m"), Some("k"))
    );
    assert_eq!(spec.engine.headers, [("X-Team".to_owned(), "a".to_owned())]);
    assert_eq!(spec.session.plan, Plan { concurrency: 4, repeat: 3, warmup: 2, ..Plan::default() });
    assert_eq!(names(&spec), ["ML Project"]);
    assert_eq!(spec.session.suite.cases[0].timeout, Duration::from_millis(1500));
    assert_eq!(spec.session.suite_source, SuiteSource::Builtin);
}

#[test]
fn only_a_url_is_needed() {
    let folder = empty_folder();
    let spec = spec(&[], &[("TOKSCOPE_URL", "http://h"), ("OPENAI_API_KEY", "k\n")], folder.path(), None).unwrap();
    assert_eq!((spec.engine.base_url.as_str(), spec.engine.api_key.as_deref()), ("http://h/v1", Some("k")));
    assert_eq!(spec.session.plan, Plan::default());
    assert_eq!((spec.session.suite.cases.len(), spec.session.suite.cases[0].timeout), (10, Duration::from_secs(120)));
    assert!(spec.engine.headers.is_empty() && spec.saving.exports.is_empty() && spec.session.model.is_none());
}

#[test]
fn a_rate_alone_has_no_limit_of_concurrency() {
    let folder = folder_with("cases.toml", &TWO_CASES.replace("[suite]", "[suite]\nslo = [\"error_rate<1%\"]"));
    let args = ["h", "--rate", "2.5", "--duration", "30", "--slo", "ttft_p95<500ms"];
    let spec = spec(&args, &[], folder.path(), None).unwrap();
    let open_loop = OpenLoop { rate_per_s: 2.5, process: Process::Poisson, seed: 0 };
    assert_eq!((spec.session.plan.limit(), spec.session.plan.open_loop), (None, Some(open_loop)));
    assert_eq!(spec.session.plan.duration, Some(Duration::from_secs(30)));
    let slos: Vec<_> = spec.session.suite.slos.iter().map(|slo| slo.text.as_str()).collect();
    assert_eq!(slos, ["error_rate<1%", "ttft_p95<500ms"]);
}

#[test]
fn impossible_thresholds_are_rejected() {
    let folder = empty_folder();
    let parsed = |args: &[&str]| spec(&[&["h"], args].concat(), &[], folder.path(), None);
    assert!(refused(parsed(&["--slo", "goodput>90%"])).contains("add one, like ttft_p95<500ms"));
    assert!(refused(parsed(&["--slo", "queue_p99<5ms"])).contains("only runs with --rate or --trace have a queue"));
    assert!(parsed(&["--slo", "goodput>90%", "--slo", "ttft_p95<1s"]).is_ok());
    assert!(parsed(&["--slo", "queue_p99<5ms", "--rate", "3"]).is_ok());
}

#[test]
fn content_that_the_api_or_a_conversation_cannot_carry_is_refused() {
    let suite = "[[case]]\nname = \"a\"\nprompt = \"p\"\ntools = [{ name = \"f\" }]\ntool_choice = \"required\"\n";
    let folder = folder_with("tools.toml", suite);
    let parsed = |more: &[&str]| {
        let args = [&["http://h/v1", "--cases", "tools.toml"], more].concat();
        spec(&args, &[], folder.path(), None)
    };
    assert!(parsed(&[]).is_ok());
    let why = refused(parsed(&["--api", "ollama"]));
    assert_eq!(
        why,
        "case 'a': the API 'ollama' has no tool_choice other than \"auto\"; change the case, or pass another --api"
    );
    assert!(refused(parsed(&["--turns", "2"])).contains("conversations cannot have tools"));
}

#[test]
fn limit_seed_and_sweep_are_passed_on() {
    let folder = empty_folder();
    let parsed = |args: &[&str]| spec(args, &[], folder.path(), None).unwrap();
    let limited = parsed(&["h", "--rate", "9", "--arrival", "constant", "--seed", "7", "--concurrency", "3"]);
    let open_loop = OpenLoop { rate_per_s: 9.0, process: Process::Constant, seed: 7 };
    assert_eq!((limited.session.plan.concurrency, limited.session.plan.open_loop), (3, Some(open_loop)));
    assert_eq!(parsed(&["h", "--sweep", "1, 2,65536"]).session.sweep, [1, 2, 65_536]);
}

#[test]
fn a_sweep_with_fewer_requests_than_slots_is_warned_about() {
    let folder =
        folder_with("two.toml", "[[case]]\nname = \"a\"\nprompt = \"p\"\n[[case]]\nname = \"b\"\nprompt = \"p\"\n");
    let warnings = |more: &[&str]| {
        let args = [&["http://h/v1", "--cases", "two.toml", "--sweep", "1,4,5"], more].concat();
        spec(&args, &[], folder.path(), None).unwrap().warnings
    };
    let expected = "--sweep: 2 requests per stage cannot fill 4, 5 slots, so these stages say nothing about saturation; \
                    --repeat 3 fills them";
    assert_eq!(warnings(&[]), [expected]);
    assert_eq!(warnings(&["--repeat", "3"]), [""; 0]);
    assert_eq!(warnings(&["--duration", "3"]), [""; 0]);
    assert!(warnings(&["-n", "4"])[0].ends_with(
        "4 requests per stage cannot fill 5 slots, so these stages say nothing about \
                                                saturation; --requests 5 fills them"
    ));
}

#[test]
fn a_demo_uses_the_simulator_and_sends_it_no_secret() {
    let folder = empty_folder();
    let args = ["--demo", "--header", "X-Key: hunter2"];
    let variables = [("TOKSCOPE_URL", "http://real"), ("OPENAI_API_KEY", "sk-1")];
    let demo = spec(&args, &variables, folder.path(), Some("http://127.0.0.1:9/v1")).unwrap();
    assert!(demo.engine.simulated && demo.engine.api_key.is_none() && demo.engine.headers.is_empty());
    assert_eq!(demo.engine.base_url, "http://127.0.0.1:9/v1");
    let page = vec!["http://127.0.0.1:9/metrics".to_owned()];
    let telemetry = &demo.telemetry;
    assert_eq!(
        (&telemetry.server_metrics, telemetry.gpu, &telemetry.gpu_metrics_urls),
        (&page, GpuChoice::SIMULATED, &page)
    );
    let without_gpu =
        spec(&["--demo", "--gpu", "none"], &variables, folder.path(), Some("http://127.0.0.1:9/v1")).unwrap();
    assert_eq!((without_gpu.telemetry.gpu, without_gpu.telemetry.gpu_metrics_urls), (GpuChoice::None, Vec::new()));
    // Without the simulator, a demo must not use the real server.
    assert_eq!(
        refused(spec(&args, &variables, folder.path(), None)),
        "the built-in simulator of --demo is not running"
    );
}

#[test]
fn the_suite_is_the_named_one_else_the_folders_else_the_built_in_one() {
    let folder = folder_with("cases.toml", TWO_CASES);
    std::fs::write(folder.path().join("other.toml"), "[[case]]\nname = \"o\"\nprompt = \"p\"").unwrap();
    let found = spec(&["h"], &[], folder.path(), None).unwrap();
    assert_eq!(
        (names(&found), &found.session.suite_source),
        (vec!["Debug Task", "ÄRGER"], &SuiteSource::File("cases.toml".into()))
    );
    let asked = spec(&["h", "--cases", "other.toml"], &[], folder.path(), None).unwrap();
    assert_eq!((names(&asked), &asked.session.suite_source), (vec!["o"], &SuiteSource::File("other.toml".into())));
}

#[test]
fn mistakes_in_a_suite_stop_the_start_with_file_and_line() {
    let folder = folder_with("cases.toml", "[[case]]\nname = \"a\"\nprompt = \"p\"\nmax_token = 1");
    assert_eq!(
        refused(spec(&["h"], &[], folder.path(), None)),
        "cases.toml:4: unknown key 'max_token'; did you mean 'max_tokens'?"
    );
    assert_eq!(
        refused(spec(&["h", "--cases", "sub/none.toml"], &[], folder.path(), None)),
        "sub/none.toml: there is no such file"
    );
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    assert_eq!(
        refused(spec(&["h", "--cases", "sub"], &[], folder.path(), None)).replace('\\', "/"),
        "sub: is a folder; name the file in it, like sub/cases.toml"
    );
}

#[test]
fn cases_are_selected_by_any_part_of_their_name() {
    let folder = folder_with("cases.toml", TWO_CASES);
    let pick = |patterns: &[&str]| {
        let args: Vec<&str> = patterns.iter().flat_map(|p| ["--case", p]).chain(["h"]).collect();
        spec(&args, &[], folder.path(), None).map(|spec| names(&spec).join("|"))
    };
    assert_eq!(pick(&["bug t"]).as_deref(), Ok("Debug Task"));
    assert_eq!(pick(&["ärger", "DEBUG", "task"]).as_deref(), Ok("Debug Task|ÄRGER"));
    let none = "no case of 'S' matches --case 'bugs'; there are:\n  Debug Task\n  ÄRGER";
    assert_eq!(pick(&["bugs"]), Err(none.to_owned()));
    assert_eq!(pick(&["debug", "bugs"]), Err(none.to_owned()));
}

#[test]
fn an_export_that_cannot_be_written_stops_the_start() {
    let folder = empty_folder();
    let why = refused(spec(&["h", "--export", "report.docx"], &[], folder.path(), None));
    assert!(why.starts_with("--export 'report.docx': unknown extension; use"), "{why}");
}

#[test]
fn the_api_is_the_named_one_or_that_of_the_url() {
    let folder = empty_folder();
    let spoken =
        |args: &[&str]| spec(args, &[], folder.path(), None).map(|s| (s.engine.base_url, s.engine.api.name)).unwrap();
    assert_eq!(spoken(&["h:1"]), ("http://h:1/v1".to_owned(), "chat"));
    assert_eq!(spoken(&["h:1", "--api", "messages"]), ("http://h:1/v1".to_owned(), "messages"));
    assert_eq!(spoken(&["h:1/api/chat"]), ("http://h:1/api".to_owned(), "ollama"));
    assert_eq!(spoken(&["h:1", "--api", "ollama"]), ("http://h:1/api".to_owned(), "ollama"));
    let demo = spec(&["--demo"], &[], folder.path(), Some("http://127.0.0.1:9/v1")).unwrap();
    assert_eq!(demo.engine.api.name, "chat");
    for args in [["h:1", "--api", "edits"], ["--demo", "--api", "chat"]] {
        assert!(Cli::try_parse_from(["tokscope"].iter().chain(&args)).is_err(), "{args:?}");
    }
}

#[test]
fn gpu_options_select_the_source() {
    let folder = empty_folder();
    let gpu = |args: &[&str]| {
        spec(&[&["h"], args].concat(), &[], folder.path(), None)
            .map(|spec| (spec.telemetry.gpu, spec.telemetry.gpu_metrics_urls))
    };
    assert_eq!(gpu(&[]), Ok((GpuChoice::Auto, Vec::new())));
    assert_eq!(gpu(&["--gpu", "none"]), Ok((GpuChoice::None, Vec::new())));
    let both = vec!["http://a:9400/metrics".to_owned(), "http://b:1/x".to_owned()];
    let urls = ["--gpu-metrics-url", "a", "--gpu-metrics-url", "b:1/x"];
    assert_eq!(gpu(&urls), Ok((GpuChoice::Auto, both.clone())));
    assert_eq!(gpu(&[&["--gpu", "dcgm"], &urls[..]].concat()), Ok((GpuChoice::Only("dcgm"), both)));
    for (choice, why) in [("dcgm", "add --gpu-metrics-url HOST"), ("none", "reads no metrics page")] {
        let urls = if choice == "none" { &urls[..] } else { &[] };
        let error = gpu(&[&["--gpu", choice], urls].concat()).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn depths_are_cases_of_three_requests_one_at_a_time() {
    let folder = empty_folder();
    let args = ["h:1", "--depth", "0,4096", "--osl", "8"];
    let spec = spec(&args, &[], folder.path(), None).unwrap();
    assert_eq!(names(&spec), ["pp2048 tg8", "pp2048 tg8 @ d4096"]);
    let workload = spec.session.suite.workload.as_ref().unwrap();
    assert_eq!((workload.planned.as_slice(), workload.source.kind(), workload.probes), (&[3, 3][..], "depth", 7));
    assert_eq!(spec.session.plan, Plan { repeat: 3, warmup: 7, ..Plan::default() });
    assert!(spec.notices[0].ends_with("6 requests to send"), "{:?}", spec.notices);
}

#[test]
fn depths_exclude_other_loads_and_drawn_lengths() {
    let suite = "[workload]\ndepth = [0, 4096]\nisl = 512\n";
    let folder = folder_with("cases.toml", suite);
    let with = |args: &[&str]| spec(&[&["h:1"], args].concat(), &[], folder.path(), None);
    let depth = with(&["--repeat", "5"]).unwrap();
    assert_eq!((names(&depth), depth.session.plan.repeat), (vec!["pp512 tg32", "pp512 tg32 @ d4096"], 5));
    for (args, why) in [
        (&["-c", "2"][..], "--depth measures unique prompts one at a time, so it excludes a concurrency above 1"),
        (&["--rate", "2"], "--depth measures unique prompts one at a time, so it excludes --rate"),
        (&["--sweep", "1,2"], "--depth measures unique prompts one at a time, so it excludes --sweep"),
        (&["--duration", "2"], "--depth measures unique prompts one at a time, so it excludes --duration"),
        (&["--warm"], "--depth measures unique prompts one at a time, so it excludes --warm"),
        (
            &["-n", "9"],
            "--depth measures unique prompts one at a time, so it excludes --requests; --repeat sets the requests at each depth",
        ),
        (
            &["--osl", "8..9"],
            "--depth needs one length for all requests, so --osl 8..9 does not go with it; use a number",
        ),
    ] {
        assert_eq!(refused(with(args)), why);
    }
    assert!(Cli::try_parse_from(["tokscope", "h:1", "--depth", "0", "--rate", "2"]).is_err());
}

#[test]
fn legacy_completions_take_cases_with_one_user_message_only() {
    let with = |cases: &str, more: &[&str]| {
        let folder = folder_with("cases.toml", cases);
        spec(&[&["h:1", "--api", "completions"], more].concat(), &[], folder.path(), None)
    };
    let one = with(TWO_CASES, &[]).unwrap();
    assert_eq!((one.engine.api.name, names(&one).len()), ("completions", 2));
    let system = "[[case]]\nname = \"a\"\nmessages = [{ role = \"system\", content = \"s\" }, { role = \"user\", content = \"u\" }]\n";
    assert_eq!(
        refused(with(system, &[])),
        "case 'a': the completions API takes one text, so it needs a single user message instead of system, user; use another --api"
    );
    let turns = "[[case]]\nname = \"a\"\nturns = [\"u\", \"v\"]\n";
    assert_eq!(
        refused(with(turns, &[])),
        "case 'a': it has several turns, but the completions API has no conversations; use another --api"
    );
    let folder = empty_folder();
    let builtin = spec(&["h:1", "--api", "completions"], &[], folder.path(), None).unwrap();
    assert_eq!(
        (builtin.session.suite.cases.len(), builtin.warnings.concat().as_str()),
        (9, "the completions API cannot carry all cases, so the run omits: Multi-turn Conversation")
    );
    let why = "--turns sends conversations, but the completions API has none; use another --api";
    assert_eq!(refused(with(TWO_CASES, &["--turns", "3"])), why);
}
