//! Rules that deny.toml cannot check: the stated Rust version holds for all dependencies, none links a system library, unsafe code is
//! in one place only, and the crate has the files that its build embeds and no others.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde::Deserialize;

/// Crates that claim a library by name: these compile their own, or none. A new one may want a library of the system.
const LINKS: &[&str] = &["rayon-core", "ring"];
/// Where the product may say that it is unsafe, and how often.
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

/// All that is built into the program or its tests on a system that releases are built for, own crates included.
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

/// `1.88` or `1.88.0` as numbers.
fn version(text: &str) -> (u32, u32, u32) {
    let mut numbers = text.split('.').map(|n| n.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[test]
fn no_library_of_the_system_is_linked() {
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
fn unsafe_code_is_in_its_one_file() {
    // The lint applies to all code without an exemption.
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
        // A stand-in for a C library is unsafe throughout; no program has it.
        if inside.starts_with("tests/fake-nvml/") || inside.starts_with("fuzz/target/") {
            continue;
        }
        let times = fs::read_to_string(&file).unwrap().matches(word).count();
        if times > 0 {
            found.push((inside, times));
        }
    }
    let expected: Vec<_> = UNSAFE.iter().map(|(file, times)| ((*file).to_owned(), *times)).collect();
    // This file names the lint where it looks for it in Cargo.toml.
    found.retain(|(file, _)| file != "tests/supply.rs");
    assert_eq!(found, expected);
}

#[test]
fn the_crate_has_the_files_that_its_build_embeds_and_no_tests_or_pictures() {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let out = cargo.args(["package", "--list", "--allow-dirty", "--offline"]).current_dir(root()).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let list = String::from_utf8(out.stdout).unwrap().replace('\\', "/");
    let files: Vec<&str> = list.lines().collect();
    let names = |folder: &str| {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        let folder = folder.to_owned();
        entries.map(move |entry| format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy()))
    };
    let embedded = names("assets/prose").chain(names("assets/sim"));
    let expected =
        embedded.chain(["cases.toml", "src/main.rs", "README.md", "LICENSE-MIT", "LICENSE-APACHE"].map(Into::into));
    let missing: Vec<_> = expected.filter(|file| !files.contains(&file.as_str())).collect();
    assert!(missing.is_empty(), "not in the crate: {missing:?}");
    let unwanted = |file: &&str| {
        let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
        file.starts_with("tests/") || ["svg", "sse", "snap"].contains(&ending)
    };
    let unwanted: Vec<_> = files.into_iter().filter(unwanted).collect();
    assert!(unwanted.is_empty(), "in the crate, although no build needs them: {unwanted:?}");
}
