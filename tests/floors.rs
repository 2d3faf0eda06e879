//! Structure of the source tree: imports go down the floors, and modules of a folder never import each other in a
//! circle.
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The floors from the ground up. Modules of one floor do not import each other, except for [`NEIGHBOURS`].
const FLOORS: &[&[&str]] = &[
    &["domain"],
    &["app", "protocol", "report"],
    &["engine", "monitoring", "telemetry", "ui", "store", "sim", "tokenizer", "workload"],
    &["runtime"],
    &["cli", "config", "main"],
];
/// Imports allowed within a floor: importing module and imported module.
const NEIGHBOURS: &[(&str, &str)] = &[("config", "cli"), ("main", "cli"), ("main", "config")];
/// Circles that are being removed: folder and modules. The test fails once such a circle is gone, so that its row is
/// removed too.
const KNOWN: &[(&str, &[&str])] = &[];

/// A path from the root of the crate: `["app", "state", "Scene"]`.
type Names = Vec<String>;
/// Imports of each module of a folder by others of the same folder.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// The modules of a crate and the paths that each of them names.
#[derive(Default)]
struct Tree {
    modules: BTreeSet<Names>,
    /// A module and a path that its code names.
    uses: Vec<(Names, Names)>,
    /// The path behind each name that a `use` brings into a module.
    aliases: BTreeMap<(Names, String), Names>,
}

/// Reads modules from `source`, which returns the text of a module.
struct Reader<'a> {
    source: &'a dyn Fn(&[String]) -> Option<String>,
    /// Whether code under `#[cfg(test)]` counts.
    with_tests: bool,
    tree: Tree,
}

impl Reader<'_> {
    fn file(&mut self, text: &str, here: &[String]) {
        self.tokens(text.parse().unwrap(), here);
    }

    /// Reads the tokens of the module `here`.
    fn tokens(&mut self, tokens: TokenStream, here: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let (text, next) = (word(token), tokens.get(at + 1));
            at += match (text.as_str(), next) {
                ("#", Some(TokenTree::Group(attribute))) if !self.with_tests && is_test_only(attribute) => {
                    tokens.iter().skip(at).position(ends_item).unwrap_or(tokens.len()) + 1
                }
                ("pub", Some(TokenTree::Group(visibility))) if visibility.delimiter() == Delimiter::Parenthesis => 2,
                ("mod", Some(TokenTree::Ident(name))) => {
                    let module = [here, &[name.to_string()]].concat();
                    match tokens.get(at + 2) {
                        Some(TokenTree::Group(body)) => self.tokens(body.stream(), &module),
                        _ => self.file(&(self.source)(&module).unwrap(), &module),
                    }
                    self.tree.modules.insert(module);
                    3
                }
                ("crate" | "tokscope" | "self" | "super", _) if is_separator(&tokens, at + 1) => {
                    let is_use = at > 0 && tokens.get(at - 1).is_some_and(|before| word(before) == "use");
                    self.path(tokens.get(at..).unwrap(), &[], here, is_use)
                }
                _ => {
                    if let TokenTree::Group(group) = token {
                        self.tokens(group.stream(), here);
                    }
                    1
                }
            };
        }
    }

    /// Records the path after `prefix` that the tokens begin with, and those in its braces. Returns its number of tokens.
    fn path(&mut self, tokens: &[TokenTree], prefix: &[String], here: &[String], is_use: bool) -> usize {
        let (mut path, mut at) = (prefix.to_vec(), 0);
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(name)) => path.push(name.to_string()),
                Some(TokenTree::Group(group)) if is_use => {
                    let items: Vec<TokenTree> = group.stream().into_iter().collect();
                    for item in items.split(|token| word(token) == ",").filter(|item| !item.is_empty()) {
                        self.path(item, &path, here, true);
                    }
                    return at + 1;
                }
                _ => break,
            }
            at += 1;
            if !is_separator(tokens, at) {
                break;
            }
            at += 2;
        }
        let path = absolute(&path, here);
        if is_use && let Some(last) = path.last() {
            let rename = tokens.get(at).filter(|token| word(token) == "as").and_then(|_| tokens.get(at + 1));
            let name = rename.map_or_else(|| last.clone(), ToString::to_string);
            self.tree.aliases.insert((here.to_vec(), name), path.clone());
        }
        self.tree.uses.push((here.to_vec(), path));
        at
    }
}

/// The text of an identifier or a punctuation mark; empty for other tokens.
fn word(token: &TokenTree) -> String {
    match token {
        TokenTree::Ident(_) | TokenTree::Punct(_) => token.to_string(),
        TokenTree::Group(_) | TokenTree::Literal(_) => String::new(),
    }
}

/// Whether an attribute compiles its item for tests only.
fn is_test_only(attribute: &Group) -> bool {
    let text = attribute.to_string().replace(' ', "");
    text.starts_with("[cfg(") && text.contains("test") && !text.contains("not(")
}

fn ends_item(token: &TokenTree) -> bool {
    match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => word(token) == ";",
    }
}

fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    tokens.get(at..at + 2).is_some_and(|two| two.iter().all(|token| word(token) == ":"))
}

/// A path without `crate`, `self` and `super`, as the module `here` names it.
fn absolute(path: &[String], here: &[String]) -> Names {
    let mut names = here.to_vec();
    for name in path {
        match name.as_str() {
            "crate" | "tokscope" => names.clear(),
            "self" => {}
            "super" => drop(names.pop()),
            name => names.push(name.to_owned()),
        }
    }
    names
}

impl Tree {
    fn read(source: &dyn Fn(&[String]) -> Option<String>, roots: &[&str], with_tests: bool) -> Self {
        let mut reader = Reader { source, with_tests, tree: Self::default() };
        for root in roots {
            let file = vec![(*root).to_owned()];
            let here = if *root == "lib" { &[][..] } else { &file };
            reader.file(&source(&file).unwrap(), here);
        }
        reader.tree
    }

    /// Reads this crate.
    fn read_src(with_tests: bool) -> Self {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let source = |module: &[String]| std::fs::read_to_string(src.join(module.join("/")).with_extension("rs")).ok();
        let tree = Self::read(&source, &["lib", "main"], with_tests);
        assert!(tree.modules.len() > 200 && tree.uses.len() > 1000, "the reader no longer finds the modules");
        tree
    }

    /// The module that declares the item at a path. Names that a `use` brings in lead to the module behind them.
    fn module_of(&self, path: &[String]) -> Names {
        let mut module = Names::new();
        for (i, name) in path.iter().enumerate() {
            let inner = [&module[..], std::slice::from_ref(name)].concat();
            if self.modules.contains(&inner) {
                module = inner;
            } else if let Some(target) = self.aliases.get(&(module.clone(), name.clone())) {
                return self.module_of(&[target, path.get(i + 1..).unwrap_or_default()].concat());
            } else {
                break;
            }
        }
        module
    }

    /// The imports between the modules of each folder. A module includes the modules below it, and may import its parents.
    fn folders(&self) -> BTreeMap<String, Graph> {
        let mut folders: BTreeMap<String, Graph> = BTreeMap::new();
        for (from, path) in &self.uses {
            let to = self.module_of(path);
            let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if let (Some(from_name), Some(to_name)) = (from.get(common), to.get(common)) {
                let folder = folders.entry(from[..common].join("/")).or_default();
                folder.entry(from_name.clone()).or_default().insert(to_name.clone());
            }
        }
        folders
    }

    /// Every folder with a circle, and the modules of the circle.
    fn circles(&self) -> BTreeSet<(String, BTreeSet<String>)> {
        let folders = self.folders();
        folders.iter().flat_map(|(folder, graph)| circles(graph).into_iter().map(|c| (folder.clone(), c))).collect()
    }
}

/// The modules that each module imports, directly or through others.
fn reachable(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = vec![from];
    while let Some(next) = open.pop() {
        let imports = graph.get(next).into_iter().flatten();
        open.extend(imports.filter(|name| found.insert((*name).clone())).map(String::as_str));
    }
    found
}

/// Sets of modules that all import each other, directly or through others.
fn circles(graph: &Graph) -> BTreeSet<BTreeSet<String>> {
    let reachable: Graph = graph.keys().map(|name| (name.clone(), reachable(graph, name))).collect();
    let mutual = |name: &String| {
        let back = |other: &&String| reachable.get(*other).is_some_and(|others| others.contains(name));
        reachable[name].iter().filter(back).cloned().collect::<BTreeSet<_>>()
    };
    reachable.keys().map(mutual).filter(|circle| !circle.is_empty()).collect()
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

#[test]
fn imports_go_down_the_floors() {
    let tree = Tree::read_src(true);
    let mut wrong = BTreeSet::new();
    for (from, path) in &tree.uses {
        let (Some(own), Some(other)) = (from.first(), path.first()) else { continue };
        let Some(floor) = floor_of(other) else { continue };
        let own_floor = floor_of(own).unwrap_or_else(|| panic!("'{own}' is on no floor; add it to FLOORS"));
        let is_neighbour = NEIGHBOURS.contains(&(own.as_str(), other.as_str()));
        if own != other && floor >= own_floor && !is_neighbour {
            wrong.insert(format!(
                "{} (floor {own_floor}) imports {} (floor {floor})",
                from.join("::"),
                path.join("::")
            ));
        }
    }
    assert!(wrong.is_empty(), "imports that do not go down: {wrong:#?}");
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    let known: BTreeSet<_> = KNOWN.iter().map(|(folder, circle)| ((*folder).to_owned(), set(circle))).collect();
    let found = Tree::read_src(false).circles();
    let (new, stale): (Vec<_>, Vec<_>) = (found.difference(&known).collect(), known.difference(&found).collect());
    assert!(new.is_empty(), "circles that are not in KNOWN: {new:#?}");
    assert!(stale.is_empty(), "circles in KNOWN that no longer exist; remove their rows: {stale:#?}");
}

/// Builds a tree from modules with these texts.
fn tree_from(files: &[(&str, &str)]) -> Tree {
    let source = |module: &[String]| {
        let name = module.join("/");
        files.iter().find(|(file, _)| *file == name).map(|(_, text)| (*text).to_owned())
    };
    Tree::read(&source, &["lib"], false)
}

/// Folder and modules of each circle.
fn circles_of(files: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
    tree_from(files).circles().into_iter().map(|(folder, circle)| (folder, circle.into_iter().collect())).collect()
}

#[test]
fn a_planted_circle_is_found_through_every_form_of_import() {
    let circle = |back: &str| {
        let c = format!("fn f() {{}} {back}");
        circles_of(&[
            ("lib", "mod app; mod domain;"),
            ("domain", "pub struct D;"),
            ("app", "mod a; mod b; mod c; pub use self::a::{Item as Renamed, Other};"),
            ("app/a", "use super::b; pub struct Item; pub struct Other;"),
            ("app/b", "use crate::{app::c::f, domain::D}; use super::super::domain;"),
            ("app/c", &c),
        ])
    };
    let whole = vec![("app".to_owned(), ["a", "b", "c"].map(str::to_owned).to_vec())];
    for back in [
        "use super::a;",
        "use super::{a::Item};",
        "use crate::{domain::D, app::{a::{self, Item}}};",
        "use super::Renamed;",
        "pub(super) fn g(_: crate::app::Other) {}",
        "fn g() { assert!(super::a::is_true()); }",
        "mod inner { use super::super::a::Item; }",
    ] {
        assert_eq!(circle(back), whole, "{back}");
    }
    for no_way_back in [
        "",
        "// use super::a;",
        "#[cfg(test)] mod tests { use super::super::a; }",
        "#[cfg(test)] mod tests;",
        "#[cfg(any(test, fuzzing))] use super::a;",
        "const A: &str = \"use super::a;\";",
        "use crate::domain::D; use super::b2;",
    ] {
        assert_eq!(circle(no_way_back), [], "{no_way_back}");
    }
}

#[test]
fn circles_below_and_across_folders_are_found() {
    let across = circles_of(&[
        ("lib", "mod app;"),
        ("app", "mod a; mod b;"),
        ("app/a", "mod inner; fn of_a() {}"),
        ("app/a/inner", "use crate::app::b;"),
        ("app/b", "use super::a::of_a;"),
    ]);
    assert_eq!(across, [("app".to_owned(), vec!["a".to_owned(), "b".to_owned()])]);
    let below = circles_of(&[
        ("lib", "mod app;"),
        ("app", "mod a { mod x { use super::y::Y; } mod y { use super::x; use super::super::Face; } }"),
    ]);
    assert_eq!(below, [("app/a".to_owned(), vec!["x".to_owned(), "y".to_owned()])]);
}
