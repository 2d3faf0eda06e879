//! Endpoints that are missing, appear late, disappear, or cannot be used.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use tokscope::sim::{SimConfig, Simulator};

use super::support::dashboard::{Dashboard, statuses, suite};
use super::support::server::Server;

/// A free port outside the range from which the system assigns ports.
fn quiet_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let from = (std::process::id() % 1000) as u16 * 12;
    loop {
        let port = 12_000 + (from + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

fn simulator(port: u16, tokens_per_s: f64) -> Simulator {
    Simulator::start(SimConfig { port, ttft_ms: 1.0, tokens_per_s, jitter: 0.0, ..SimConfig::default() }).unwrap()
}

#[test]
fn a_dead_endpoint_is_retried_and_quitting_is_status_3() {
    let url = format!("http://127.0.0.1:{}/v1", quiet_port());
    let mut screen = Dashboard::start(&suite(&["Alone"], ""), &url);
    screen.wait_for_line("waiting for the endpoint  retrying", "refused");
    screen.wait_for_line("Retrying every 2 s (", " tries in 0:");
    screen.wait_for_text("The run starts when");
    // The whole screen is there: the prompt and the address.
    assert!(screen.text().contains(&url) && screen.text().contains("Explain Alone."), "{}", screen.text());
    screen.send("q");
    let (ended, report) = screen.end();
    // The first frame was drawn before the endpoint was known.
    assert!(ended.raw.contains("connecting"));
    assert_eq!((ended.status, report), (3, None));
    let why = format!("tokscope: '{url}' was not ready before the run ended, so nothing was measured:");
    assert!(ended.text.contains(&why), "{}", ended.text);
}

#[test]
fn quitting_before_the_first_answer_explains_why_nothing_was_measured() {
    // This listener never responds.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/v1", silent.local_addr().unwrap());
    let mut screen = Dashboard::start(&suite(&["Alone"], ""), &url);
    screen.wait_for_text("connecting");
    screen.send("q");
    let (ended, report) = screen.end();
    assert_eq!((ended.status, report), (3, None));
    let why = format!("tokscope: '{url}' did not answer before the run ended, so nothing was measured");
    assert!(ended.text.contains(&why), "{}", ended.text);
}

#[test]
fn an_endpoint_that_comes_up_later_is_measured() {
    let port = quiet_port();
    let mut screen = Dashboard::start(&suite(&["Alone"], ""), &format!("http://127.0.0.1:{port}/v1"));
    screen.wait_for_text("waiting for the endpoint");
    let _sim = simulator(port, 5000.0);
    screen.wait_for_text("finished  1/1");
    assert!(screen.text().contains("SIMULATED"));
    screen.send("q");
    assert_eq!(screen.end().0.status, 0);
}

#[test]
fn with_two_models_one_is_chosen_or_given_as_an_option() {
    let server = Server::start(&["small-model", "large-model"], |mut request| request.answer(&["word"]));
    let mut screen = Dashboard::start(&suite(&["Alone"], ""), &server.url());
    screen.wait_for_text("Choose a model");
    screen.wait_for_line(">", "small-model");
    // Letters filter the list; 'q' is a letter here.
    screen.send("q");
    screen.wait_for_text("No matching model.");
    screen.send("\u{15}LARGE");
    screen.wait_for_line(">", "large-model");
    screen.send("\r");
    screen.wait_for_text("finished  1/1");
    screen.send("q");
    let (ended, report) = screen.end();
    assert_eq!((ended.status, &report.unwrap()["target"]["model"]), (0, &"large-model".into()));

    let mut screen = Dashboard::start(&suite(&["Alone"], ""), &server.url());
    screen.wait_for_text("Choose a model");
    screen.send("\u{1b}");
    let (ended, report) = screen.end();
    assert_eq!((ended.status, report, server.request_count()), (3, None, 1));
    let after = ended.raw.rsplit("\u{1b}[?1049l").next().unwrap();
    assert!(after.contains("the endpoint lists 2 models; pass one with --model: small-model, large-model"), "{after}");

    let args = [&server.url(), "--model", "large-model"];
    let mut screen = Dashboard::start_with(&suite(&["Alone"], ""), &args, &[], (120, 40));
    screen.wait_for_text("finished  1/1");
    screen.send("q");
    let (ended, report) = screen.end();
    assert_eq!((ended.status, &report.unwrap()["target"]["model"]), (0, &"large-model".into()));
}

#[test]
fn cases_fail_while_the_server_is_gone_and_are_rerun_when_it_is_back() {
    let port = quiet_port();
    let sim = simulator(port, 20.0);
    // The first case ends at once, the second would take twenty seconds.
    let cases = suite(&["First"], "max_tokens = 2") + &suite_cases(&["Second", "Third"], "max_tokens = 400");
    let mut screen = Dashboard::start(&cases, &format!("http://127.0.0.1:{port}/v1"));
    screen.wait_for_line("Second", "reasoning");
    drop(sim);
    screen.wait_for_text("finished  2 failed  3/3");
    screen.wait_for_line("Third", "connect");
    // The selection follows the running case. One row up is the second case, whose answer shows its error.
    screen.send("k");
    screen.wait_for_line("Answer", "Second");
    screen.wait_for_line("Second", "cut off");
    let text = screen.text();
    assert!(text.contains("broke") || text.contains("ended") || text.contains("closed"), "{text}");

    let _back = simulator(port, 5000.0);
    screen.send("r");
    screen.wait_for_line("Second", "capped");
    screen.send("R");
    screen.wait_for_text("finished  5/5");
    screen.send("q");
    let (ended, report) = screen.end();
    let report = report.unwrap();
    assert_eq!(ended.status, 0);
    assert_eq!([0, 1, 2].map(|case| statuses(&report, case).join(" ")), ["ok", "truncated ok", "connect_error ok"]);
    let message = &report["cases"][1]["attempts"][0]["error"]["message"];
    assert!(message.as_str().is_some_and(|m| !m.is_empty()), "{message}");
}

fn suite_cases(names: &[&str], extra: &str) -> String {
    let (_head, cases) = suite(names, extra).split_once("[[case]]").map(|(h, c)| (h.to_owned(), c.to_owned())).unwrap();
    format!("[[case]]{cases}")
}

/// An endpoint that rejects every key until opened, and the model `wrong`.
fn strict() -> (String, std::sync::Arc<std::sync::atomic::AtomicBool>) {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let is_open = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let opened = std::sync::Arc::clone(&is_open);
    std::thread::spawn(move || {
        for mut wire in listener.incoming().flatten() {
            let mut lines = BufReader::new(wire.try_clone().unwrap());
            let (mut first, mut head) = (String::new(), String::new());
            if lines.read_line(&mut first).unwrap_or(0) == 0 {
                continue;
            }
            while lines.read_line(&mut head).unwrap_or(0) > 2 {}
            let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            lines.read_exact(&mut body).unwrap();
            let body = String::from_utf8(body).unwrap();
            let models = r#"{"data":[{"id":"small"},{"id":"large"}]}"#;
            let stream =
                "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
            let (status, answer) = if !first.starts_with("POST ") {
                if first.contains("/v1/models ") { ("200 OK", models) } else { ("404 Not Found", "{}") }
            } else if !opened.load(Ordering::SeqCst) {
                ("401 Unauthorized", r#"{"error":{"message":"not yet"}}"#)
            } else if body.contains("\"wrong\"") {
                ("404 Not Found", r#"{"error":{"message":"The model `wrong` does not exist."}}"#)
            } else {
                ("200 OK", stream)
            };
            let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", answer.len());
            let _closed = wire.write_all((head + answer).as_bytes());
        }
    });
    (url, is_open)
}

#[test]
fn a_rejected_key_waits_for_a_retry_and_a_wrong_model_for_a_choice() {
    let (url, is_open) = strict();
    let args = [url.as_str(), "--model", "wrong"];
    let mut screen = Dashboard::start_with(&suite(&["First", "Second"], ""), &args, &[], (120, 40));
    screen.wait_for_line("stopped", "HTTP 401: not yet");
    screen.wait_for_text("no API key was sent; set OPENAI_API_KEY");
    is_open.store(true, Ordering::SeqCst);
    screen.send("r");
    screen.wait_for_text("Choose a model");
    screen.wait_for_text("The endpoint refused 'wrong'.");
    // Leaving without a choice keeps the run stopped.
    screen.send("\u{1b}");
    screen.wait_for_line("stopped", "model 'wrong'");
    screen.send("r");
    screen.wait_for_line(">", "small");
    screen.send("large\r");
    screen.wait_for_text("finished  4/4");
    screen.send("q");
    let (ended, report) = screen.end();
    let report = report.unwrap();
    assert_eq!((ended.status, &report["target"]["model"]), (0, &"large".into()));
    assert_eq!([0, 1].map(|case| statuses(&report, case).join(" ")), ["http_error http_error ok", "ok"]);
}

#[test]
fn quitting_a_stopped_run_exits_with_status_3_and_a_reason() {
    let (url, _closed) = strict();
    let args = [url.as_str(), "--model", "small"];
    let mut screen = Dashboard::start_with(&suite(&["First", "Second"], ""), &args, &[], (120, 40));
    screen.wait_for_line("stopped", "HTTP 401: not yet");
    screen.send("q");
    let (ended, _report) = screen.end();
    assert_eq!(ended.status, 3);
    let after = ended.raw.rsplit("\u{1b}[?1049l").next().unwrap();
    assert!(after.contains("stopped: HTTP 401: not yet; no API key was sent"), "{after}");
}
