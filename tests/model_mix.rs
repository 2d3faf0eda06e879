//! Runs that mix several models, in the whole program.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use support::place::{Place, kill, wait_for_attempts};
use support::server::Server;

const SUITE: &str = "[[case]]\nname = \"a\"\nprompt = \"p\"\n[[case]]\nname = \"b\"\nprompt = \"q\"\n";

/// A server whose model `bad` fails. Others answer with their own name.
fn server() -> Server {
    Server::start(&["llama3:8b", "adapter", "bad"], |mut request| {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        match body["model"].as_str().unwrap() {
            "bad" => request.send("data: {\"error\":{\"message\":\"adapter not loaded\"}}\n\n"),
            name => request.answer(&[name, " and", " more"]),
        }
    })
}

/// Models of all attempts, by case and number.
fn models(results: &Value) -> BTreeMap<(String, u64), String> {
    let cases = results["cases"].as_array().unwrap().iter();
    let attempts = cases.flat_map(|case| {
        let name = case["name"].as_str().unwrap().to_owned();
        let attempts = case["attempts"].as_array().unwrap();
        attempts
            .iter()
            .map(move |a| ((name.clone(), a["number"].as_u64().unwrap()), a["model"].as_str().unwrap().to_owned()))
    });
    attempts.collect()
}

#[test]
fn each_request_draws_its_model_and_figures_are_shown_by_model() {
    let (place, server) = (Place::with(SUITE), server());
    let mix = ["--model-mix", "llama3:8b", "3", "--model-mix", "adapter", "1"];
    let exports = ["--repeat", "20", "--export", "a.json", "--export", "r.md"];
    let (stdout, stderr) = place.run(&[&[server.url().as_str()], &mix[..], &exports[..]].concat(), 0);
    assert!(!stderr.contains("does not list"), "{stderr}");
    assert!(stdout.contains("Model               llama3:8b"), "{stdout}");
    let results = place.json("a.json");
    assert_eq!(results["target"]["model"], "llama3:8b + adapter");
    let drawn = models(&results);
    let of = |name: &str| drawn.values().filter(|model| *model == name).count();
    assert_eq!(of("llama3:8b") + of("adapter"), 40);
    assert!(of("llama3:8b") > of("adapter") && of("adapter") > 0, "{drawn:?}");
    for attempt in results["cases"][0]["attempts"].as_array().unwrap() {
        let text = attempt["text"].as_str().unwrap();
        assert!(text.starts_with(attempt["model"].as_str().unwrap()), "the server got the model: {attempt}");
    }
    let by_model = results["models"].as_array().unwrap();
    let shown: Vec<_> = by_model.iter().map(|m| (m["model"].clone(), m["weight"].clone(), m["n"].clone())).collect();
    assert_eq!(
        shown,
        [(json!("llama3:8b"), json!(3), json!(of("llama3:8b"))), (json!("adapter"), json!(1), json!(of("adapter"))),]
    );
    let markdown = place.read("r.md");
    assert!(markdown.contains("## By Model") && markdown.contains("| llama3:8b | 3 |"), "{markdown}");
    // The same seed draws the same, another seed does not.
    let again = |args: &[&str], file: &str| {
        place.run(&[&[server.url().as_str(), "--repeat", "20", "--export", file], &mix[..], args].concat(), 0);
        models(&place.json(file))
    };
    assert_eq!(again(&[], "b.json"), drawn);
    assert_ne!(again(&["--seed", "5"], "c.json"), drawn);
    let (compared, _) = place.run(&["compare", "a.json", "b.json"], 0);
    assert!(compared.contains("By model: ") && compared.contains("adapter"), "{compared}");
}

#[test]
fn a_model_that_fails_does_not_stop_the_others_and_a_resumed_run_keeps_the_mix() {
    let suite = format!("[[model]]\nname = \"llama3:8b\"\n[[model]]\nname = \"bad\"\n{SUITE}");
    let (place, server) = (Place::with(&suite), server());
    let args = [server.url(), "--repeat".to_owned(), "200".to_owned()];
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let child = place.command(&args).spawn().unwrap();
    wait_for_attempts(&place, 5);
    kill(child);
    place.run(&["resume", "last", &server.url(), "--export", "r.json"], 1);
    let results = place.json("r.json");
    let by_model = results["models"].as_array().unwrap();
    assert!(by_model[0]["n"].as_u64().unwrap() > 100 && by_model[0]["failed"] == json!(0), "{by_model:?}");
    assert!(by_model[1]["failed"].as_u64().unwrap() > 100 && by_model[1]["n"] == json!(0), "{by_model:?}");
    assert_eq!(results["target"]["model"], "llama3:8b + bad");
}

#[test]
fn wrong_weights_are_refused() {
    let place = Place::with(SUITE);
    for (args, expected) in [
        (&["--model-mix", "a", "x"][..], "--model-mix: 'x' is not a weight for 'a'; write a whole number from 1"),
        (&["--model-mix", "a", "1", "--model-mix", "a", "2"], "the model 'a' occurs twice; give it one weight"),
        (&["--model-mix", "a", "1", "--model", "b"], "cannot be used with"),
    ] {
        let (_, stderr) = place.run(&[&["http://127.0.0.1:1"], args].concat(), 2);
        assert!(stderr.contains(expected), "{stderr}");
    }
}
