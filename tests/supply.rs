//! Checks of the dependencies that deny.toml does not cover: the stated Rust version suffices for all of them, and none
//! links a system library. Also checks that unsafe code is only in its one place.
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde::Deserialize;

/// Crates that claim a library by name but compile their own, or none. A new one may need a system library.
const LINKS: &[&str] = &["rayon-core", "ring"];
/// Product files that may allow unsafe code, with the number of places.
const UNSAFE: &[(&str, usize)] = &[("src/telemetry/nvml/memory.rs", 1)];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn table(path: &str) -> toml::Table {
    toml::from_str(&fs::read_to_string(root().join(path)).unwrap()).unwrap()
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    rust_version: Option<String>,
    links: Option<String>,
}

/// All packages built into the program or its tests on the release platforms, including our own.
fn packages() -> &'static [Package] {
    static PACKAGES: OnceLock<Vec<Package>> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["metadata", "--locked", "--format-version=1", "--all-features"]).current_dir(root());
        for target in table("deny.toml")["graph"]["targets"].as_array().unwrap() {
            cargo.args(["--filter-platform", target.as_str().unwrap()]);
        }
        let out = cargo.output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let packages = serde_json::from_slice::<Metadata>(&out.stdout).unwrap().packages;
        assert!(packages.len() > 100, "only {} packages", packages.len());
        packages
    })
}

/// Parses `1.88` or `1.88.0`.
fn version(text: &str) -> (u32, u32, u32) {
    let mut numbers = text.split('.').map(|n| n.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[test]
fn no_system_library_is_linked() {
    let linked = packages().iter().filter(|p| p.links.is_some());
    let mut names: Vec<_> = linked.map(|p| p.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, LINKS);
}

#[test]
fn no_dependency_needs_a_newer_rust() {
    let ours = version(env!("CARGO_PKG_RUST_VERSION"));
    let newer = packages().iter().filter(|p| p.rust_version.as_ref().is_some_and(|needed| version(needed) > ours));
    let newer: Vec<_> = newer.map(|p| format!("{} {}: {:?}", p.name, p.version, p.rust_version)).collect();
    assert!(newer.is_empty(), "newer than the rust-version in Cargo.toml:\n{}", newer.join("\n"));
}

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

#[test]
fn unsafe_code_is_only_in_its_one_place() {
    // The lint covers everything that does not opt out.
    let manifest = table("Cargo.toml");
    assert_eq!(manifest["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("deny"));
    assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true));
    let members = manifest["workspace"]["members"].as_array().unwrap();
    assert_eq!(members.len(), 1, "a new crate is held to the same lint, or is named here: {members:?}");

    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "examples", "fuzz"] {
        sources(&root().join(folder), &mut files);
    }
    let word = concat!("unsafe", "_code");
    let mut found = Vec::new();
    for file in files {
        let inside = file.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
        // A stand-in for a C library is unsafe throughout, and is no part of the program.
        if inside.starts_with("tests/fake-nvml/") || inside.starts_with("fuzz/target/") {
            continue;
        }
        let times = fs::read_to_string(&file).unwrap().matches(word).count();
        if times > 0 {
            found.push((inside, times));
        }
    }
    let expected: Vec<_> = UNSAFE.iter().map(|(file, times)| ((*file).to_owned(), *times)).collect();
    // This file names the lint in order to search for it.
    found.retain(|(file, _)| file != "tests/supply.rs");
    assert_eq!(found, expected);
}
