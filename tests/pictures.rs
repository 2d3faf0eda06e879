//! The pictures of README and docs exist, are up to date, and work where they are shown.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/fingerprint.rs"]
mod fingerprint;

use std::collections::BTreeSet;
use std::path::Path;

/// Largest picture in bytes; GitHub and readers load all of it.
const LARGEST: usize = 800_000;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Pages that may show pictures: those at the root and those of the book.
fn pages() -> Vec<String> {
    let files =
        [root().to_owned(), root().join("docs")].into_iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let paths = files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "md"));
    paths.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// Names of the files in `assets/` that some page shows.
fn shown() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for page in pages() {
        let targets = page.split("assets/").skip(1).filter_map(|rest| rest.split(['"', ')', ' ', '`']).next());
        names.extend(
            targets.filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "svg")).map(str::to_owned),
        );
    }
    names
}

/// Names of the pictures in `assets/`.
fn present() -> BTreeSet<String> {
    let files = std::fs::read_dir(root().join("assets")).unwrap().map(|file| file.unwrap());
    let names = files.filter(|file| file.path().is_file()).map(|file| file.file_name().into_string().unwrap());
    names.collect()
}

fn picture(name: &str) -> String {
    std::fs::read_to_string(root().join("assets").join(name)).unwrap()
}

#[test]
fn every_picture_on_a_page_exists_and_every_existing_picture_is_on_a_page() {
    assert_eq!(present(), shown(), "left: files in assets/, right: pictures on pages");
}

#[test]
fn every_picture_is_there_in_dark_and_light() {
    let name_of = |name: &String, theme: &str| name.strip_suffix(&format!("-{theme}.svg")).map(str::to_owned);
    let [dark, light] =
        ["dark", "light"].map(|theme| present().iter().filter_map(|n| name_of(n, theme)).collect::<Vec<_>>());
    assert_eq!(dark, light);
    assert_eq!(dark.len() + light.len(), present().len(), "a picture is neither dark nor light: {:?}", present());
}

#[test]
fn every_picture_shows_the_present_screens() {
    let screens = format!("data-screens=\"{}\"", fingerprint::screens(root()));
    let stale: Vec<_> = present().into_iter().filter(|name| !picture(name).contains(&screens)).collect();
    assert!(stale.is_empty(), "screens have changed since these pictures: cargo run --example picture\n{stale:?}");
}

#[test]
fn every_picture_is_small_and_needs_neither_script_nor_network() {
    for name in present() {
        let svg = picture(&name);
        assert!(svg.len() <= LARGEST, "{name} has {} bytes", svg.len());
        let head = "<svg xmlns=\"http://www.w3.org/2000/svg\"";
        let body = svg.strip_prefix(head).unwrap();
        for outside in ["<script", "<image", "@import", "@font-face", "url(", "href=\"http"] {
            assert!(!body.contains(outside), "{name} contains {outside}");
        }
    }
}

#[test]
fn every_animated_picture_has_a_still_frame_for_reduced_motion() {
    for name in present() {
        let svg = picture(&name);
        if svg.contains("@keyframes") {
            assert!(svg.contains("@media(prefers-reduced-motion:reduce){.f{animation:none}}"), "{name} always moves");
            assert!(svg.contains(" s\" style=\"animation-delay:"), "{name} has no still frame");
        }
    }
}
