use std::collections::HashMap;

use clap::Parser;

use super::*;
use crate::cli::Cli;

const FILE: &str = r#"theme = "light"
ascii = true
reduced_motion = true
[defaults]
url = "http://file/v1"
model = "of-file"
api = "chat"
api_key_env = "FILE_KEY"
concurrency = 4
repeat = 3
requests = 9
warmup = 2
timeout_s = 9.5
export = ["file.md"]
metrics_listen = ":9464"
otlp = "http://localhost:4318"
[keys]
hold = ["B"]
export = []
"#;

fn cli(args: &[&str]) -> Cli {
    Cli::try_parse_from(["tokscope"].iter().chain(args)).expect("the command line is sound")
}

fn variables<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    let set: HashMap<_, _> = set.iter().copied().collect();
    move |name| set.get(name).map(|value| (*value).to_owned())
}

impl Settings {
    fn option(&self, key: &str) -> Option<Sourced<Value>> {
        let at = SETTINGS.iter().position(|setting| setting.key == key).expect("a key of the table");
        self.options[at].clone()
    }
}

/// Returns the settings with this file.
fn settings(args: &[&str], env: &[(&str, &str)], file: &str) -> Settings {
    let cli = cli(args);
    let content = config_file::parse(file, "config.toml").expect("the file is sound");
    Settings::put_together(
        &cli.run,
        &cli.screen,
        &variables(env),
        Some(("config.toml".into(), true)),
        content,
        Vec::new(),
    )
}

/// Returns the options of a run, completed by this file.
fn completed(args: &[&str], env: &[(&str, &str)], file: &str) -> RunArgs {
    let mut run = cli(args).run;
    settings(args, env, file).complete(&mut run);
    run
}

#[test]
fn the_file_sets_options_that_no_other_source_sets() {
    let run = completed(&[], &[], FILE);
    assert_eq!((run.url.as_deref(), run.model.as_deref()), (Some("http://file/v1"), Some("of-file")));
    assert_eq!((run.api.as_deref(), run.secrets.api_key_env.as_deref()), (Some("chat"), Some("FILE_KEY")));
    assert_eq!((run.concurrency, run.repeat, run.requests, run.warmup), (Some(4), Some(3), Some(9), Some(2)));
    assert_eq!((run.timeout, run.exports), (Some(9.5), vec!["file.md".into()]));
    let screen = settings(&[], &[], FILE).screen();
    assert_eq!((screen.theme, screen.ascii, screen.reduced_motion), (ThemeName::Light, true, true));
    let run = completed(&[], &[], "");
    assert!(run.url.is_none() && run.repeat.is_none() && run.exports.is_empty());
    let screen = settings(&[], &[], "").screen();
    assert_eq!((screen.theme, screen.ascii, screen.reduced_motion), (ThemeName::Auto, false, false));
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
    let args =
        ["http://flag/v1", "--model", "f", "--repeat", "7", "--warmup", "0", "--export", "f.json", "--theme", "dark"];
    let run = completed(&args, &[("TOKSCOPE_URL", "http://env/v1")], FILE);
    assert_eq!((run.url.as_deref(), run.model.as_deref()), (Some("http://flag/v1"), Some("f")));
    assert_eq!((run.repeat, run.warmup, run.exports), (Some(7), Some(0), vec!["f.json".into()]));
    assert_eq!(settings(&args, &[], FILE).theme, Sourced { value: ThemeName::Dark, from: Source::Flag("--theme") });
    // The URL of the environment is read elsewhere.
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL"] {
        assert_eq!(completed(&[], &[(name, "http://env/v1")], FILE).url, None);
        let from = settings(&[], &[(name, "http://env/v1")], FILE).option("url").map(|url| url.from);
        assert_eq!(from, Some(Source::Variable(name)));
    }
    assert_eq!(completed(&[], &[("TOKSCOPE_URL", " ")], FILE).url.as_deref(), Some("http://file/v1"));
}

#[test]
fn the_file_is_ignored_for_options_that_others_exclude() {
    let demo = completed(&["--demo"], &[], FILE);
    assert!(demo.url.is_none() && demo.model.is_none() && demo.api.is_none() && demo.secrets.api_key_env.is_none());
    assert_eq!((demo.concurrency, demo.repeat), (Some(4), Some(3)));
    assert_eq!(completed(&["--rate", "5"], &[], FILE).concurrency, None);
    assert_eq!(completed(&["--sweep", "1,2"], &[], FILE).concurrency, None);
    assert_eq!(completed(&["--rate", "5", "--concurrency", "2"], &[], FILE).concurrency, Some(2));
    let timed = completed(&["--duration", "5"], &[], FILE);
    assert_eq!((timed.repeat, timed.requests), (None, None));
    assert_eq!(completed(&["-n", "5"], &[], FILE).repeat, None);
    assert_eq!(completed(&["--repeat", "5"], &[], FILE).requests, None);
}

#[test]
fn the_locale_decides_by_default() {
    let ascii = |args: &[&str], env: &[(&str, &str)], file: &str| settings(args, env, file).screen().ascii;
    assert!(cfg!(windows) || ascii(&[], &[("LANG", "C")], ""));
    assert!(!ascii(&[], &[("LANG", "C")], "ascii = false"));
    assert!(!ascii(&[], &[("LANG", "de_DE.UTF-8")], "ascii = \"auto\""));
    assert!(ascii(&["--ascii"], &[("LANG", "de_DE.UTF-8")], "ascii = false"));
}

#[test]
fn a_named_file_must_exist_and_the_usual_one_may() {
    let folder = tempfile::tempdir().unwrap();
    let (usual, other) = (folder.path().join("config.toml"), folder.path().join("other.toml"));
    let theme = |args: &[&str], env: &[(&str, &str)]| {
        let cli = cli(args);
        let settings = Settings::with(&cli.run, &cli.screen, &variables(env), Some(&usual));
        settings.map(|s| s.theme.value).map_err(|e| e.to_string())
    };
    let named = other.to_str().unwrap();
    assert_eq!(theme(&[], &[]), Ok(ThemeName::Auto));
    assert_eq!(theme(&["--config", named], &[]), Err(format!("{named}: there is no such file")));
    assert_eq!(theme(&[], &[("TOKSCOPE_CONFIG", named)]), Err(format!("{named}: there is no such file")));
    std::fs::write(&usual, "theme = \"mono\"").unwrap();
    std::fs::write(&other, "theme = \"light\"").unwrap();
    assert_eq!(theme(&[], &[]), Ok(ThemeName::Mono));
    assert_eq!(theme(&[], &[("TOKSCOPE_CONFIG", "")]), Ok(ThemeName::Mono));
    assert_eq!(theme(&[], &[("TOKSCOPE_CONFIG", named)]), Ok(ThemeName::Light));
    assert_eq!(theme(&["--config", usual.to_str().unwrap()], &[("TOKSCOPE_CONFIG", named)]), Ok(ThemeName::Mono));
    std::fs::write(&usual, "theme = 1").unwrap();
    assert!(theme(&[], &[]).unwrap_err().contains("config.toml:1: 'theme' is an integer"));
}

#[test]
fn what_is_in_force_as_a_file() {
    let args = ["--theme", "dark", "--repeat", "5", "--config", "config.toml"];
    let settings = settings(&args, &[("TOKSCOPE_URL", "http://env/v1"), ("LANG", "C.UTF-8")], FILE);
    insta::assert_snapshot!(settings.listing());
}

#[test]
fn the_listing_read_as_a_file_sets_the_same() {
    let hostile = "[defaults]\nmodel = \"a\\\"b\\\\c 你 \\u00e9\"\nexport = [\"a b.md\", \"q\\\"\\\\x.md\", \"\\u202e.md\"]\n[keys]\ncopy = [\"\\\"\", \"\\\\\"]\n";
    let everything =
        ["http://flag/v1", "--model", "f", "--timeout", "0.25", "--theme", "mono", "--reduced-motion", "--ascii"];
    for (args, env, file) in [
        (&[][..], &[][..], ""),
        (&[], &[("LANG", "C"), ("NO_COLOR", "1")], FILE),
        (&[], &[("TOKSCOPE_URL", "http://env/v1")], FILE),
        (&everything, &[], FILE),
        (&[], &[], hostile),
    ] {
        let before = settings(args, env, file);
        let again = settings(&[], &[], &before.listing());
        let values = |s: &Settings| {
            let keys: Vec<_> = s.keymap.rows().iter().map(|row| row.keys.clone()).collect();
            let mut run = cli(&[]).run;
            s.complete(&mut run);
            // The URL of a variable is used as it is; that of a file is completed.
            run.url = s.option("url").map(|url| format!("{:?}", url.value));
            (s.theme.value.clone(), s.ascii.value, s.reduced_motion.value, format!("{run:?}"), keys)
        };
        assert_eq!(values(&again), values(&before), "{}", before.listing());
    }
}

#[test]
fn no_secret_is_listed() {
    let env = [("TOKSCOPE_URL", "http://me:hunter2@host/v1?key=hunter2")];
    let listing = settings(&["--api-key-env", "sk-hunter2"], &env, "").listing();
    assert!(!listing.contains("hunter2"), "{listing}");
    assert!(listing.contains("url = \"http://host/v1\""), "{listing}");
}

#[test]
fn every_row_reads_sets_and_prints_its_own_option() {
    let listing = settings(&[], &[], FILE).listing();
    let (mut filled, empty) = (completed(&[], &[], FILE), cli(&[]).run);
    for setting in SETTINGS {
        assert!(listing.contains(&format!("\n{} = ", setting.key)), "{} is not printed", setting.key);
        let value = (setting.given)(&filled);
        assert!(value.is_some() && (setting.given)(&empty).is_none(), "{} is not set by its row", setting.key);
        (setting.set)(&mut filled, None);
        assert_eq!((setting.given)(&filled), None, "{}: `set` and `given` differ", setting.key);
    }
}

#[test]
fn a_theme_is_one_of_the_program_a_file_of_the_folder_or_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let usual = folder.path().join("config.toml");
    std::fs::create_dir(folder.path().join("themes")).unwrap();
    for (file, text) in
        [("mine.toml", "accent = \"red\""), ("broken.toml", "\nacent = 1\n"), ("../own.toml", "good = 2")]
    {
        std::fs::write(folder.path().join("themes").join(file), text).unwrap();
    }
    let with = |args: &[&str], config: &str| {
        std::fs::write(&usual, config).unwrap();
        let cli = cli(args);
        Settings::with(&cli.run, &cli.screen, &variables(&[]), Some(&usual)).map_err(|e| e.to_string())
    };
    let custom = |name: &str| ThemeName::Custom(name.to_owned());
    let place = usual.display();
    let screen = with(&[], "theme = \"mine\"").unwrap().screen();
    assert_eq!(screen.theme, custom("mine"));
    let offered: Vec<_> = screen.offered.iter().map(|theme| (theme.name.as_str(), theme.mistake.is_none())).collect();
    assert_eq!(offered[4..], [("mono", true), ("broken", false), ("mine", true)]);
    // A path in the config file starts from the folder of that file.
    let own = with(&[], "theme = \"./own.toml\"").unwrap().screen();
    assert_eq!((own.theme, own.offered.len()), (custom("./own.toml"), 8));
    let line = with(&[], "\ntheme = \"drak\"").unwrap_err();
    assert_eq!(line, format!("{place}:2: 'theme' is 'drak'; did you mean 'dark'?"));
    assert_eq!(with(&["--theme", "mnie"], "").unwrap_err(), "--theme 'mnie'; did you mean 'mine'?");
    let unknown = with(&["--theme", "zzz"], "").unwrap_err();
    assert!(unknown.contains("known here: auto, dark") && unknown.contains("zzz.toml"), "{unknown}");
    let broken = with(&["--theme", "broken"], "").unwrap_err();
    assert!(broken.ends_with("broken.toml:2: unknown key 'acent'; did you mean 'accent'?"), "{broken}");
    let missing = with(&["--theme", "no/such.toml"], "").unwrap_err();
    assert!(missing.contains("such.toml: there is no such file"), "{missing}");
    // The printed config file selects the same theme.
    assert!(with(&[], "theme = \"mine\"").unwrap().listing().contains("theme = \"mine\""));
}

#[test]
fn the_layout_comes_from_the_option_or_the_file_and_is_listed() {
    let layout = |args: &[&str], file: &str| settings(args, &[], file).screen().layout.map(LayoutPreset::name);
    assert_eq!(layout(&[], ""), None);
    assert_eq!(layout(&[], "layout = \"scope\""), Some("scope"));
    assert_eq!(layout(&["--layout", "answer"], "layout = \"scope\""), Some("answer"));
    let listed = |file: &str| settings(&[], &[], file).listing();
    assert!(listed("layout = \"load\"").contains("\nlayout = \"load\" "), "{}", listed("layout = \"load\""));
    assert!(listed("").contains("\n# layout "), "{}", listed(""));
}
