//! Images and audio in the whole program.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use support::place::{Place, kill, stalling, wait_for_attempts};
use support::pty::wait_until;
use support::server::Server;
use tokscope::sim::{SimConfig, Simulator};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x38\0\0\0\x38rest";

const SUITE: &str = r#"
[[case]]
name = "Photo"
prompt = "Describe the picture."
images = ["photo.png", { width = 280, height = 140 }]
audio = ["hello.wav"]

[[case]]
name = "Text"
prompt = "Say hello."
"#;

fn place() -> Place {
    let place = Place::with(SUITE);
    std::fs::write(place.folder.path().join("photo.png"), PNG).unwrap();
    std::fs::write(place.folder.path().join("hello.wav"), [b"RIFF\0\0\0\0WAVE".to_vec(), vec![0; 1268]].concat())
        .unwrap();
    place
}

fn simulator() -> Simulator {
    Simulator::start(SimConfig { ttft_ms: 5.0, tokens_per_s: 20_000.0, ..SimConfig::default() }).unwrap()
}

#[test]
fn files_and_generated_images_are_sent_counted_and_reported() {
    let (place, sim) = (place(), simulator());
    let exports = ["--export", "r.json", "--export", "r.md"];
    place.run(&[&[sim.url().as_str(), "--repeat", "2"], &exports[..]].concat(), 0);
    let results = place.json("r.json");
    let attempt = |case: usize| &results["cases"][case]["attempts"][0];
    let media = &attempt(0)["media"];
    assert_eq!((&media["images"], &media["audio"], &media["audio_bytes"]), (&json!(2), &json!(1), &json!(1280)));
    let image_bytes = media["image_bytes"].as_u64().unwrap();
    assert!(image_bytes > 280 * 140 + PNG.len() as u64, "{image_bytes}");
    assert_eq!(attempt(1).get("media"), None);
    // 2 x 2 squares of the photo, 10 x 5 of the generated image, and one token of audio, beside the text.
    let text = attempt(1)["input_sequence_length"].as_u64().unwrap();
    let image = attempt(0)["input_sequence_length"].as_u64().unwrap();
    let of_media = 4 + 50 + 1;
    assert!((of_media..of_media + text + 10).contains(&image), "{image} and {text}");
    let summary = &results["summary"]["media"];
    assert_eq!((&summary["attempts"], &summary["images"]), (&json!(2), &json!(4)));
    assert_eq!(summary["image_bytes"], json!(2 * image_bytes));
    let line = "**Images and Audio**: 4 images (";
    assert!(place.read("r.md").contains(line), "{}", place.read("r.md"));
}

/// Base64 of all images that a server got.
fn images(bodies: &[Value]) -> Vec<String> {
    let parts = bodies.iter().flat_map(|body| body["messages"][0]["content"].as_array().into_iter().flatten());
    parts.filter_map(|part| Some(part["image_url"]["url"].as_str()?.to_owned())).collect()
}

#[test]
fn generated_images_differ_between_requests_and_runs_unless_the_run_is_warm() {
    let place = Place::with("[[case]]\nname = \"a\"\nprompt = \"p\"\n[[case]]\nname = \"b\"\nprompt = \"q\"\n");
    let sent = |args: &[&str]| {
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&bodies);
        let server = Server::start(&["m"], move |mut request| {
            seen.lock().unwrap().push(serde_json::from_str(&request.body).unwrap());
            request.answer(&["one"]);
        });
        place.run(&[&[server.url().as_str(), "--image", "16x8*2"], args].concat(), 0);
        images(&bodies.lock().unwrap())
    };
    let distinct = |images: &[String]| images.iter().collect::<HashSet<_>>().len();
    let (first, second) = (sent(&["--repeat", "2"]), sent(&["--repeat", "2"]));
    assert_eq!((first.len(), distinct(&first)), (8, 8));
    assert_eq!(distinct(&[first, second].concat()), 16, "another run has other images");
    let (warm, again) = (sent(&["--repeat", "2", "--warm"]), sent(&["--warm"]));
    assert_eq!((warm.len(), distinct(&warm)), (8, 4), "a warm run repeats the images of a case");
    assert_eq!(distinct(&[warm, again].concat()), 4);
}

#[test]
fn a_resumed_run_sends_the_same_file_or_reports_that_it_changed() {
    let place = place();
    let (server, hold) = stalling(1);
    let child = place.command(&[&server.url(), "--repeat", "2"]).spawn().unwrap();
    wait_for_attempts(&place, 1);
    wait_until("the second request is in flight", || server.request_count() == 2);
    kill(child);
    drop(hold);
    assert!(
        !std::fs::read_to_string(place.journal().unwrap()).unwrap().contains("iVBOR"),
        "the journal has no content"
    );
    std::fs::write(place.folder.path().join("photo.png"), [PNG, b"changed"].concat()).unwrap();
    let (_, stderr) = place.run(&["resume", "last", &server.url()], 2);
    assert!(stderr.contains("photo.png' has changed since the run"), "{stderr}");
    std::fs::remove_file(place.folder.path().join("photo.png")).unwrap();
    let (_, stderr) = place.run(&["resume", "last", &server.url()], 2);
    assert!(stderr.contains("there is no such file; restore the file, or start a new run"), "{stderr}");
    std::fs::write(place.folder.path().join("photo.png"), PNG).unwrap();
    place.run(&["resume", "last", &server.url(), "--export", "r.json"], 0);
    assert_eq!(place.json("r.json")["summary"]["media"]["attempts"], json!(2));
}

#[test]
fn unsupported_images_and_audio_are_reported() {
    let place = place();
    let (_, stderr) = place.run(&["http://127.0.0.1:1", "--api", "messages"], 2);
    assert!(stderr.contains("case 'Photo': the API 'messages' has no audio; change the case, or pass another --api"));
    let rows = "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://h/x\"}}]}]}";
    std::fs::write(place.folder.path().join("rows.jsonl"), rows).unwrap();
    let (_, stderr) = place.run(&["http://127.0.0.1:1", "--api", "ollama", "--dataset", "rows.jsonl"], 2);
    assert!(stderr.contains("has no images by URL"), "{stderr}");
    let server = Server::start(&["m"], |mut request| {
        request.send("data: {\"error\":{\"code\":500,\"message\":\"image input is not supported\",\"type\":\"server_error\"}}\n\n");
    });
    let (_, stderr) = place.run(&[&server.url(), "--case", "Photo"], 1);
    assert!(stderr.contains("image input is not supported"), "{stderr}");
}
