//! The house keeps its plan: imports go downwards only, and nothing on the floor of outside things knows another one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The floors from the ground up. Modules on one floor do not know each other, but where `may_know` says so.
const FLOORS: &[&[&str]] = &[
    &["domain"],
    &["app", "protocol", "report"],
    &["engine", "telemetry", "ui", "store", "sim", "tokenizer"],
    &["runtime"],
    &["cli", "config", "main"],
];
/// Neighbours on one floor that know each other: who reads the command line, and who puts all together.
const NEIGHBOURS: &[(&str, &str)] = &[("config", "cli"), ("main", "cli"), ("main", "config")];

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn rust_files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// The top-level modules that a file names, in `use`, in paths, and in groups like `use crate::{a, b::c}`.
fn known_by(source: &str) -> Vec<String> {
    let name = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut known = Vec::new();
    let mut pieces = source.split("crate::").skip(1).chain(source.split("tokscope::").skip(1));
    for piece in pieces.by_ref() {
        if let Some(group) = piece.strip_prefix('{') {
            let mut depth = 0;
            let mut at_start = true;
            for (i, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => at_start = true,
                    c if at_start && c.is_alphabetic() => {
                        known.push(name(group.split_at(i).1));
                        at_start = false;
                    }
                    _ => {}
                }
            }
        } else {
            known.push(name(piece));
        }
    }
    known
}

#[test]
fn imports_go_downwards_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in files {
        let inside = file.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
        let module = inside.split(['/', '.']).next().unwrap().to_owned();
        if module == "lib" {
            continue;
        }
        let own = floor_of(&module).unwrap_or_else(|| panic!("'{inside}' stands on no floor; give it one in FLOORS"));
        for known in known_by(&fs::read_to_string(&file).unwrap()) {
            let Some(floor) = floor_of(&known) else { continue };
            seen += 1;
            let neighbour = NEIGHBOURS.contains(&(module.as_str(), known.as_str()));
            if known != module && floor >= own && !neighbour {
                wrong.push(format!("src/{inside} (floor {own}) knows '{known}' (floor {floor})"));
            }
        }
    }
    assert!(seen > 50, "the scan finds no imports any more: {seen}");
    assert!(wrong.is_empty(), "imports that do not go down:\n{}", wrong.join("\n"));
}

/// Folders whose modules know each other in no circle.
const WITHOUT_CIRCLES: &[&str] = &["app"];
/// The state and the messages: they are made of what each module declares of its own, and each module acts on them.
const HUBS: &[&str] = &["message", "model"];

/// The neighbours in its folder that a file names, `depth` levels below `folder`; what only tests name is left out.
fn neighbours_of(source: &str, folder: &str, depth: usize) -> Vec<String> {
    let product = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let out = product.replace("crate::", "root::").replace(&"super::".repeat(depth + 1), "out::");
    let here = out.replace(&format!("root::{folder}::"), "crate::").replace(&"super::".repeat(depth), "crate::");
    known_by(&here)
}

/// Those of a circle, and those that only know such ones; empty without a circle.
fn in_circles(mut known: BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    while let Some(free) = known.iter().find(|(_, knows)| knows.is_empty()).map(|(name, _)| name.clone()) {
        known.remove(&free);
        for knows in known.values_mut() {
            knows.remove(&free);
        }
    }
    known
}

#[test]
fn the_modules_of_a_folder_know_each_other_in_no_circle() {
    for folder in WITHOUT_CIRCLES {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
        let mut files = Vec::new();
        rust_files(&root, &mut files);
        let inside = |file: &Path| file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        let module = |file: &Path| inside(file).split(['/', '.']).next().unwrap().to_owned();
        let is_test = |file: &Path| file.components().any(|c| c.as_os_str().to_string_lossy().starts_with("test"));
        files.retain(|file| !is_test(file.strip_prefix(&root).unwrap()) && !HUBS.contains(&module(file).as_str()));
        let mut known: BTreeMap<String, BTreeSet<String>> =
            files.iter().map(|file| (module(file), BTreeSet::new())).collect();
        let all: BTreeSet<String> = known.keys().cloned().collect();
        for file in &files {
            let depth = inside(file).split('/').count();
            let (own, source) = (module(file), fs::read_to_string(file).unwrap());
            let names = neighbours_of(&source, folder, depth).into_iter().filter(|n| *n != own && all.contains(n));
            known.entry(own.clone()).or_default().extend(names);
        }
        let seen: usize = known.values().map(BTreeSet::len).sum();
        assert!(seen > all.len(), "the scan finds no imports any more: {known:?}");
        assert_eq!(in_circles(known), BTreeMap::new(), "modules of src/{folder} in a circle");
    }
}

#[test]
fn a_circle_is_seen() {
    let graph = |edges: &[(&str, &[&str])]| {
        let set = |to: &[&str]| to.iter().map(|&n| n.to_owned()).collect();
        edges.iter().map(|(from, to)| ((*from).to_owned(), set(to))).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(in_circles(graph(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])])), BTreeMap::new());
    let circle = graph(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])]);
    assert_eq!(in_circles(circle.clone()), circle);
    let source =
        "use super::{a, b::c};\nuse crate::app::d;\nuse crate::domain::e;\n#[cfg(test)]\nmod tests {\nuse super::f;";
    assert_eq!(neighbours_of(source, "app", 1), ["a", "b", "d"]);
    assert_eq!(neighbours_of("use super::a;\nuse super::super::b;\nuse super::super::super::c;", "app", 2), ["b"]);
}

#[test]
fn the_scan_sees_every_form_of_import() {
    let source =
        "use crate::{app::{model, x}, domain::time};\nfn f() { crate::engine::start() }\nuse tokscope::cli::Cli;";
    assert_eq!(known_by(source), ["app", "domain", "engine", "cli"]);
}
