use super::*;
use crate::app::action::Action;

fn refused(text: &str) -> String {
    parse(text, "config.toml").expect_err(text).to_string()
}

#[test]
fn an_empty_file_sets_nothing() {
    let file = parse("# nothing\n", "config.toml").unwrap();
    assert!(file.theme.is_none() && file.ascii.is_none() && file.reduced_motion.is_none());
    assert!(file.defaults.is_empty());
    assert!(file.keys.overrides.is_empty() && file.keys.keymap.is_none() && file.browser_keys.keymap.is_none());
}

#[test]
fn every_key_is_read_with_its_line() {
    let text = r#"
theme = "high-contrast"
ascii = "auto"
reduced_motion = true

[defaults]
url = "http://localhost:8000/v1"
model = "m"
api = "messages"
api_key_env = "MY_KEY"
concurrency = 4
repeat = 3
warmup = 0
timeout_s = 1.5
export = ["a.md", "b.json"]

[keys]
pause = []
hold = ["space", "ctrl-h"]
copy = "Y"
"#;
    let file = parse(text, "config.toml").unwrap();
    assert_eq!(file.theme, Some(Located { value: ThemeName::HighContrast, line: 2 }));
    assert_eq!(file.ascii, Some(Located { value: AsciiWhen::Auto, line: 3 }));
    assert_eq!(file.reduced_motion, Some(Located { value: true, line: 4 }));
    let text = |text: &str| Value::Text(text.to_owned());
    let expected = [
        ("url", text("http://localhost:8000/v1"), 7),
        ("model", text("m"), 8),
        ("api", text("messages"), 9),
        ("api_key_env", text("MY_KEY"), 10),
        ("concurrency", Value::Count(4), 11),
        ("repeat", Value::Count(3), 12),
        ("warmup", Value::Count(0), 13),
        ("timeout_s", Value::Number(1.5), 14),
        ("export", Value::Paths(vec!["a.md".into(), "b.json".into()]), 15),
    ];
    let read = SETTINGS.iter().zip(file.defaults);
    let read: Vec<_> = read.filter_map(|(setting, at)| at.map(|at| (setting.key, at.value, at.line))).collect();
    assert_eq!(read, expected);
    // The keys are in the order of the file.
    let keys: Vec<_> = file.keys.overrides.iter().map(|at| (at.value.action, at.value.keys.len(), at.line)).collect();
    assert_eq!(keys, [(Action::TogglePauseCase, 0, 18), (Action::ToggleHold, 2, 19), (Action::Copy, 1, 20)]);
    assert!(file.keys.keymap.is_some());
}

#[test]
fn mistakes_have_file_line_and_a_suggestion() {
    for (text, expected) in [
        ("them = \"dark\"", "config.toml:1: unknown key 'them'; did you mean 'theme'?"),
        ("theme = 1", "config.toml:1: 'theme' is an integer; it must be a string, in quotes"),
        ("ascii = \"yes\"", "config.toml:1: 'ascii' is a string; it must be true, false or \"auto\""),
        ("reduced_motion = \"on\"", "config.toml:1: 'reduced_motion' is a string; it must be true or false"),
        ("defaults = 1", "config.toml:1: 'defaults' is an integer; it must be a table: [defaults]"),
        ("[defaults]\nconcurency = 2", "config.toml:2: unknown key 'concurency'; did you mean 'concurrency'?"),
        ("[defaults]\nrepeat = 0", "config.toml:2: 'repeat' is 0; it must be a whole number from 1 to 100000"),
        ("[defaults]\napi = \"mesages\"", "config.toml:2: 'api' is 'mesages'; did you mean 'messages'?"),
        (
            "[defaults]\nexport = \"a.md\"",
            "config.toml:2: 'export' is a string; it must be a list of strings, like export = [\"report.md\"]",
        ),
        ("theme = ", "config.toml:1:9: not valid TOML: string values must be quoted, expected literal string"),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
    assert!(
        refused("[defaults]\nexport = [\"a.md\", \"a.docx\"]")
            .starts_with("config.toml:2:19: 'export': unknown extension")
    );
}

#[test]
fn possible_secrets_are_rejected_and_not_repeated() {
    for text in [
        "[defaults]\napi_key_env = \"sk-hunter2\"",
        "[defaults]\nurl = \"http://me:hunter2@host/v1\"",
        "[defaults]\nurl = \"http://host/v1?key=hunter2\"",
    ] {
        let why = refused(text);
        assert!(why.starts_with("config.toml:2: 'url' has a user") || why.contains("not the key itself"), "{why}");
        assert!(!why.contains("hunter2"), "{why}");
    }
    assert!(refused("[defaults]\nurl = \"http://\"").starts_with("config.toml:2: 'url':"));
}

#[test]
fn impossible_keys_are_rejected_with_their_line() {
    for (text, expected) in [
        ("[keys]\nhodl = [\"space\"]", "config.toml:2: there is no action 'hodl'; did you mean 'hold'?"),
        (
            "[keys]\ncopy = 1",
            "config.toml:2: 'copy' is 1; it must be a list of strings, like copy = [\"space\", \"ctrl-h\"]",
        ),
        (
            "[keys]\ncopy = [1]",
            "config.toml:2:9: an integer in 'copy'; it must be a list of strings, like copy = [\"space\", \"ctrl-h\"]",
        ),
        (
            "[keys]\n\nhold = [\"space\", \"j\"]",
            "config.toml:3:18: 'j' of 'hold' is already bound to 'next' (panes); rebind that action, or unbind it: next = []",
        ),
        (
            "[keys]\nhold = [\n  \"space\",\n  \"j\",\n]",
            "config.toml:4: 'j' of 'hold' is already bound to 'next' (panes); rebind that action, or unbind it: next = []",
        ),
        ("[keys]\ncopy = [\"ctrl-c\"]", "config.toml:2:9: 'ctrl-c' of 'copy' always quits; choose another key"),
        (
            "[keys]\ncopy = [\"ctrl-m\"]",
            "config.toml:2:9: 'ctrl-m' is sent as 'enter' by terminals; choose another key",
        ),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
    assert!(
        refused("[keys]\ncopy = [\"alt-y\"]")
            .starts_with("config.toml:2:9: 'alt-y' is not a key; a key is one character")
    );
    assert!(refused("[keys]\nxyzzy = []").contains("there is no action 'xyzzy'; known here: hold, rerun-failed, "));
    // Both lines that bind the same key are reported.
    let both = refused("[keys]\ncopy = [\"c\"]\ncancel = [\"c\"]");
    assert_eq!(
        both.lines().map(|line| line.split(": ").next().unwrap()).collect::<Vec<_>>(),
        ["config.toml:2:9", "config.toml:3:11"]
    );
}

#[test]
fn errors_name_the_file_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none.toml");
    assert_eq!(load(&none).unwrap_err().to_string(), format!("{}: there is no such file", none.display()));
    let why = load(folder.path()).unwrap_err().to_string();
    assert!(why.contains("is a folder; name the file in it") && why.ends_with("config.toml"), "{why}");
    let latin = folder.path().join("latin.toml");
    std::fs::write(&latin, b"theme = \"dark\"\n# \xe9").unwrap();
    assert!(load(&latin).unwrap_err().to_string().contains("latin.toml:2: is not UTF-8"));
}

#[test]
fn keys_of_the_run_browser_have_a_section_of_their_own() {
    use crate::app::browser::action::BrowserAction;
    let file = parse("[keys]\ncopy = \"Y\"\n\n[keys.runs]\nopen = \"o\"\ndelete = []\n", "config.toml").unwrap();
    let dashboard: Vec<_> = file.keys.overrides.iter().map(|at| (at.value.action, at.line)).collect();
    assert_eq!(dashboard, [(Action::Copy, 2)]);
    let browser: Vec<_> = file.browser_keys.overrides.iter().map(|at| (at.value.action, at.line)).collect();
    assert_eq!(browser, [(BrowserAction::Open, 5), (BrowserAction::Delete, 6)]);
    for (text, expected) in [
        ("[keys.runs]\nopne = \"o\"", "config.toml:2: there is no action 'opne'; did you mean 'open'?"),
        (
            "[keys.runs]\nopen = \"d\"",
            "config.toml:2: 'd' of 'open' is already bound to 'delete' (list); rebind that action, or unbind it: \
             delete = []",
        ),
        ("[keys]\nruns = 1", "config.toml:2: 'runs' is an integer; it must be a table: [keys.runs]"),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
}
