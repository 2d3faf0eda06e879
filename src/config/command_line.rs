//! The command line of a run, without secrets, as its report shows it.

use std::ffi::OsString;

use super::address::VARIABLES;
use crate::cli::RunArgs;
use crate::domain::text::sanitise_line;
use crate::protocol::url::split_query;
use crate::runtime::spec::EngineSpec;

/// Placeholder for a secret. Needs no quotes in a shell.
const REDACTED: &str = "REDACTED";
/// Minimum length of a secret that is redacted inside every argument. A shorter one may be part of an ordinary word.
const SHORTEST_SECRET: usize = 6;

/// Returns the command line as a shell takes it, without secrets: header values, and user names, passwords and queries
/// of URLs.
///
/// `arguments` are those of the process, without the program's name. An endpoint from an environment variable precedes
/// the command, as in `TOKSCOPE_URL=http://localhost:8000/v1 tokscope --headless`.
pub fn command_line(
    arguments: impl Iterator<Item = OsString>,
    args: &RunArgs,
    engine: &EngineSpec,
    env: &dyn Fn(&str) -> Option<String>,
) -> String {
    let replacements = replacements(args);
    let secrets = secrets(args, engine);
    let shown = |argument: OsString| {
        let argument = argument.to_string_lossy();
        let redacted = redact(&argument, &replacements);
        let redacted = secrets.iter().fold(redacted, |text, secret| text.replace(secret, REDACTED));
        quoted(&sanitise_line(&redacted))
    };
    let endpoint = endpoint_variable(args, env).map(|(name, url)| format!("{name}={}", quoted(&sanitise_line(&url))));
    let words = endpoint.into_iter().chain([env!("CARGO_PKG_NAME").to_owned()]).chain(arguments.map(shown));
    words.collect::<Vec<_>>().join(" ")
}

/// Returns the variable that names the endpoint of a run without a URL, and its redacted value.
fn endpoint_variable(args: &RunArgs, env: &dyn Fn(&str) -> Option<String>) -> Option<(&'static str, String)> {
    if args.demo || args.url.is_some() {
        return None;
    }
    let set = |name: &&'static str| Some((*name, env(name).filter(|value| !value.trim().is_empty())?));
    VARIABLES.iter().find_map(set).map(|(name, url)| (name, redact_url(url.trim())))
}

/// Returns values of options that may hold a secret, each with its redacted form.
fn replacements(args: &RunArgs) -> Vec<(String, String)> {
    let urls = [&args.url, &args.network.proxy, &args.server_metrics].into_iter().flatten();
    let urls = urls.chain(&args.gpu.gpu_metrics_urls).map(|url| (url.clone(), redact_url(url)));
    let header = |typed: &String| {
        let (name, _value) = typed.split_once(':').unwrap_or(("", typed));
        (typed.clone(), format!("{name}: {REDACTED}"))
    };
    let all = urls.chain(args.secrets.headers.iter().map(header));
    all.filter(|(typed, _)| !typed.is_empty()).collect()
}

/// Returns the key and all header values, which are redacted in every argument.
fn secrets(args: &RunArgs, engine: &EngineSpec) -> Vec<String> {
    let typed = args.secrets.headers.iter().filter_map(|header| Some(header.split_once(':')?.1.trim().to_owned()));
    let sent = engine.api_key.iter().cloned().chain(engine.headers.iter().map(|(_, value)| value.clone()));
    sent.chain(typed).filter(|secret| secret.len() >= SHORTEST_SECRET).collect()
}

/// Redacts an argument that is the value of an option, or ends with it, as in `--proxy=URL` and `-HVALUE`.
fn redact(argument: &str, replacements: &[(String, String)]) -> String {
    let found = replacements.iter().find_map(|(typed, shown)| {
        let option = argument.strip_suffix(typed.as_str())?;
        (option.is_empty() || option.starts_with('-')).then(|| format!("{option}{shown}"))
    });
    found.unwrap_or_else(|| if argument.contains("://") { redact_url(argument) } else { argument.to_owned() })
}

/// Redacts user name, password, query and fragment of a URL.
fn redact_url(url: &str) -> String {
    let (url, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    let (plain, query) = split_query(url);
    let (scheme, rest) = plain.split_at(plain.find("://").map_or(0, |at| at + "://".len()));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host =
        authority.rsplit_once('@').map_or_else(|| authority.to_owned(), |(_, host)| format!("{REDACTED}@{host}"));
    let query = if query.is_empty() { String::new() } else { format!("?{REDACTED}") };
    let fragment = if fragment.is_empty() { String::new() } else { format!("#{REDACTED}") };
    format!("{scheme}{host}{path}{query}{fragment}")
}

/// Quotes an argument for a POSIX shell, unless it has only letters, digits and a few safe signs.
fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;
    use crate::domain::key_source::KeySource;
    use crate::engine::Network;
    use crate::protocol::api::CHAT;

    /// Returns the command line of these arguments, with `sk-sesame-99` as the API key.
    fn shown(arguments: &[&str], env: &dyn Fn(&str) -> Option<String>) -> String {
        let cli = Cli::try_parse_from(["tokscope"].iter().chain(arguments)).unwrap();
        let engine = EngineSpec {
            base_url: "http://h/v1".into(),
            api: &CHAT,
            simulated: false,
            api_key: Some("sk-sesame-99".into()),
            key_source: KeySource::default(),
            headers: Vec::new(),
            network: Network::default(),
            tokenizer: None,
        };
        command_line(arguments.iter().map(OsString::from), &cli.run, &engine, env)
    }

    fn without_env(arguments: &[&str]) -> String {
        shown(arguments, &|_| None)
    }

    #[test]
    fn ordinary_arguments_are_unchanged() {
        assert_eq!(
            without_env(&["http://localhost:8000/v1", "--model", "glm-4.7-flash", "--sweep", "1,2,4", "--headless"]),
            "tokscope http://localhost:8000/v1 --model glm-4.7-flash --sweep 1,2,4 --headless"
        );
        assert_eq!(
            without_env(&["--demo", "--case", "it's *", "--slo", "ttft_p95<500ms"]),
            r"tokscope --demo --case 'it'\''s *' --slo 'ttft_p95<500ms'"
        );
    }

    #[test]
    fn header_values_are_redacted_in_every_syntax() {
        let typed = without_env(&["http://h/v1", "--header", "Authorization: Bearer hunter2", "--header=X-Team: a"]);
        assert_eq!(typed, "tokscope http://h/v1 --header 'Authorization: REDACTED' '--header=X-Team: REDACTED'");
    }

    #[test]
    fn user_and_query_of_urls_are_redacted() {
        let typed = without_env(&[
            "u:hunter2@h:1/v1?api-key=hunter2",
            "--proxy=http://u:hunter2@proxy:3128",
            "--server-metrics=http://h/metrics?key=hunter2",
            "--gpu-metrics-url",
            "u:hunter2@gpu-box",
            "--export",
            "http://u:hunter2@h/r.md#hunter2",
        ]);
        assert_eq!(
            typed,
            "tokscope 'REDACTED@h:1/v1?REDACTED' --proxy=http://REDACTED@proxy:3128 \
             '--server-metrics=http://h/metrics?REDACTED' --gpu-metrics-url REDACTED@gpu-box --export \
             'http://REDACTED@h/r.md#REDACTED'"
        );
    }

    #[test]
    fn the_key_is_redacted_in_every_argument() {
        assert_eq!(without_env(&["http://h/sk-sesame-99/v1"]), "tokscope http://h/REDACTED/v1");
        assert_eq!(without_env(&["http://h", "--export", "sk-sesame-99.md"]), "tokscope http://h --export REDACTED.md");
    }

    #[test]
    fn an_endpoint_from_a_variable_precedes_the_command() {
        let env = |name: &str| (name == "OPENAI_BASE_URL").then(|| "http://u:hunter2@h/v1".to_owned());
        assert_eq!(shown(&["--headless"], &env), "OPENAI_BASE_URL=http://REDACTED@h/v1 tokscope --headless");
        assert_eq!(shown(&["http://own/v1"], &env), "tokscope http://own/v1");
        assert_eq!(shown(&["--demo"], &env), "tokscope --demo");
    }
}
