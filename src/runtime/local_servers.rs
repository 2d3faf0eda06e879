//! Offers the servers on this machine if the command line names no endpoint.

use std::io::{BufRead, Write};
use std::time::Duration;

use super::clock::Clock;
use super::console::say_to;
use crate::domain::text::sanitise_line;
use crate::engine::{FoundServer, find_servers};

/// Default ports of vLLM, llama.cpp, Ollama, LM Studio and SGLang, in the order of the offer.
pub const USUAL_PORTS: [u16; 5] = [8000, 8080, 11434, 1234, 30000];
/// Maximum time to wait for all answers.
const TIMEOUT: Duration = Duration::from_millis(1500);
/// Maximum length of a list of models, characters.
const MODELS_WIDTH: usize = 48;

/// Asks for models at both loopback addresses of each port. Returns the servers that answered, one per port.
pub fn find(ports: &[u16]) -> anyhow::Result<Vec<FoundServer>> {
    let urls = |port: &u16| [format!("http://127.0.0.1:{port}/v1"), format!("http://[::1]:{port}/v1")];
    let mut found = find_servers(&ports.iter().flat_map(urls).collect::<Vec<_>>(), TIMEOUT, Clock::start().epoch())?;
    // Keep one entry per port: most servers listen on both addresses.
    found.dedup_by_key(|server| server.base_url.rsplit(':').next().map(str::to_owned));
    Ok(found)
}

/// Asks the user which server to benchmark. Returns the server's base URL, or `None` if the user declines.
///
/// # Errors
///
/// Stdin cannot be read.
pub fn choose<'a>(
    found: &'a [FoundServer],
    stdin: &mut dyn BufRead,
    stderr: &mut dyn Write,
) -> anyhow::Result<Option<&'a str>> {
    let is_single = found.len() == 1;
    say_to(stderr, if is_single { "Found a server on this machine:" } else { "Found servers on this machine:" });
    for (at, line) in descriptions(found).iter().enumerate() {
        say_to(stderr, &if is_single { format!("  {line}") } else { format!("  {}  {line}", at + 1) });
    }
    let question =
        if is_single { "Benchmark it? [Enter: yes, q: quit] " } else { "Benchmark which? [number, q: quit] " };
    loop {
        write!(stderr, "{question}")?;
        stderr.flush()?;
        let mut line = String::new();
        if stdin.read_line(&mut line)? == 0 {
            say_to(stderr, "");
            return Ok(None);
        }
        match answer(&line, found.len()) {
            Answer::Server(at) => return Ok(found.get(at).map(|server| server.base_url.as_str())),
            Answer::Quit => return Ok(None),
            Answer::Unclear => say_to(stderr, &advice(&line, found.len())),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Server(usize),
    Quit,
    Unclear,
}

fn answer(line: &str, servers: usize) -> Answer {
    match line.trim().to_lowercase().as_str() {
        "q" | "quit" | "n" | "no" => Answer::Quit,
        "" | "y" | "yes" if servers == 1 => Answer::Server(0),
        number => match number.parse::<usize>() {
            Ok(n) if (1..=servers).contains(&n) => Answer::Server(n - 1),
            _ => Answer::Unclear,
        },
    }
}

/// Explains why the user's input is not a choice, and lists the possible ones.
fn advice(line: &str, servers: usize) -> String {
    let typed = sanitise_line(line.trim());
    let choices = if servers == 1 { "Press Enter".to_owned() } else { format!("Type a number from 1 to {servers}") };
    let why = if typed.is_empty() { String::new() } else { format!("'{typed}' is not a choice. ") };
    format!("{why}{choices}, or q to quit.")
}

/// Describes each server in one line: URL, kind and models.
fn descriptions(found: &[FoundServer]) -> Vec<String> {
    let width = found.iter().map(|server| server.base_url.len()).max().unwrap_or(0);
    let line = |server: &FoundServer| format!("{:<width$}  {}", server.base_url, about(server));
    found.iter().map(line).collect()
}

fn about(found: &FoundServer) -> String {
    let kind = found.server.kind.as_deref().unwrap_or("unknown server");
    let version = found.server.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
    let models = match found.models.as_deref() {
        None => "needs an API key".to_owned(),
        Some([]) => "no models".to_owned(),
        Some(models) => model_list(models),
    };
    sanitise_line(&format!("{kind}{version}: {models}"))
}

/// Lists as many models as fit, at least one, and counts the rest.
fn model_list(models: &[String]) -> String {
    let mut list = String::new();
    for (at, model) in models.iter().enumerate() {
        if at > 0 && list.chars().count() + model.chars().count() > MODELS_WIDTH {
            return format!("{list} and {} more", models.len() - at);
        }
        list += if at > 0 { ", " } else { "" };
        list += model;
    }
    list
}

/// Returns the error if no endpoint is given and there is no terminal on which to ask. The error lists command lines to
/// type. `args` are the arguments of this process, quoted for a shell.
pub fn offer_as_error(found: &[FoundServer], ports: &[u16], args: &str) -> String {
    if found.is_empty() {
        let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
        return format!(
            "no endpoint given, and no server found on this machine (ports {})\n\
             \x20 tokscope http://HOST:PORT/v1   Benchmark this server (or set TOKSCOPE_URL)\n\
             \x20 tokscope --demo                Try it without a server",
            ports.join(", ")
        );
    }
    let line = |server: &FoundServer| format!("\n  tokscope {}{args}   # {}", server.base_url, about(server));
    let lines: String = found.iter().map(line).collect();
    format!("no endpoint given; type one of these to benchmark a server on this machine:{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::live::ServerInfo;

    fn server(port: u16, models: Option<&[&str]>) -> FoundServer {
        FoundServer {
            base_url: format!("http://127.0.0.1:{port}/v1"),
            server: ServerInfo { kind: Some("vLLM".into()), version: Some("0.11".into()) },
            models: models.map(|models| models.iter().map(|&model| model.to_owned()).collect()),
        }
    }

    /// Returns the chosen URL and the printed text.
    fn chosen(found: &[FoundServer], typed: &str) -> (Option<String>, String) {
        let mut printed = Vec::new();
        let chosen = choose(found, &mut typed.as_bytes(), &mut printed).unwrap().map(str::to_owned);
        (chosen, String::from_utf8(printed).unwrap())
    }

    #[test]
    fn only_a_key_of_the_user_chooses_a_server() {
        let one = [server(8000, Some(&["m"]))];
        let two = [server(8000, Some(&["m"])), server(8080, None)];
        for (found, typed, expected) in [
            (&one[..], "\n", Some(8000)),
            (&one, "y\n", Some(8000)),
            (&one, "q\n", None),
            (&one, "", None),
            (&one, "what\nq\n", None),
            (&two, "2\n", Some(8080)),
            (&two, "\n3\n0\n1\n", Some(8000)),
            (&two, "\n", None),
        ] {
            let url = expected.map(|port| format!("http://127.0.0.1:{port}/v1"));
            assert_eq!(chosen(found, typed).0, url, "{typed:?}");
        }
        let printed = chosen(&two, "q\n").1;
        assert!(printed.contains("  2  http://127.0.0.1:8080/v1  vLLM 0.11: needs an API key\n"), "{printed}");
    }

    #[test]
    fn an_answer_that_is_no_choice_is_explained() {
        let one = [server(8000, None)];
        let two = [server(8000, None), server(8080, None)];
        for (found, typed, expected) in [
            (&two[..], "3\nq\n", "'3' is not a choice. Type a number from 1 to 2, or q to quit.\n"),
            (&two, "0\nq\n", "'0' is not a choice. Type a number from 1 to 2, or q to quit.\n"),
            (&two, "\nq\n", "Type a number from 1 to 2, or q to quit.\n"),
            (&one, "wh\u{1b}at\nq\n", "is not a choice. Press Enter, or q to quit.\n"),
        ] {
            let printed = chosen(found, typed).1;
            assert!(printed.contains(expected) && !printed.contains('\u{1b}'), "{typed:?}: {printed}");
        }
    }

    #[test]
    fn long_lists_of_models_are_counted_and_hostile_names_are_cleaned() {
        let long = "x".repeat(40);
        let found = [server(1, Some(&["a\u{1b}[2J", &long, &long])), server(2, Some(&[&long, "b"]))];
        let lines = descriptions(&found);
        assert!(lines[0].ends_with(&format!("vLLM 0.11: a, {long} and 1 more")), "{lines:?}");
        assert!(lines[1].ends_with(&format!("{long}, b")), "{lines:?}");
        assert!(chosen(&[server(1, Some(&[]))], "q\n").1.contains("vLLM 0.11: no models"));
    }
}
