//! No circle between files, or folders: what uses another is never used by it.
//!
//! Read from the paths in the sources: `crate::…`, `super::…`, `self::…` and those that begin
//! with a module of the file. At each folder, the files and folders in it are the nodes. A
//! file and the files in its own folder are one node higher up, so a `mod.rs` may hold what
//! its children share.

use std::collections::{BTreeMap, BTreeSet};

use super::{MEMBERS, sources};

/// A module's path within its crate, and the code of its file.
type Modules = BTreeMap<Vec<String>, String>;

#[test]
fn no_file_is_in_a_circle() {
    for member in MEMBERS {
        let modules = modules(member);
        let mut folders: BTreeMap<Vec<String>, Graph> = BTreeMap::new();
        for (from, code) in &modules {
            for to in uses(from, code, &modules) {
                let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
                if let (Some(one), Some(other)) = (from.get(same), to.get(same)) {
                    let folder = folders
                        .entry(from.iter().take(same).cloned().collect())
                        .or_default();
                    folder.entry(one.clone()).or_default().insert(other.clone());
                }
            }
        }
        for (folder, graph) in folders {
            let name = [format!("{member}/src")]
                .into_iter()
                .chain(folder)
                .collect::<Vec<_>>()
                .join("/");
            let circle = circle(&graph);
            assert!(circle.is_empty(), "a circle in {name}: {circle:?}");
        }
    }
}

/// Which file or folder uses which, within a folder.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// What is left when all that uses nothing, or is used by nothing, is taken away.
fn circle(graph: &Graph) -> BTreeSet<String> {
    let mut left: BTreeSet<String> = graph.keys().cloned().collect();
    loop {
        let before = left.len();
        let used: BTreeSet<&String> = left
            .iter()
            .filter_map(|node| graph.get(node))
            .flatten()
            .collect();
        let inner: BTreeSet<String> = left
            .iter()
            .filter(|node| used.contains(node))
            .filter(|node| {
                graph
                    .get(*node)
                    .is_some_and(|uses| !uses.is_disjoint(&left))
            })
            .cloned()
            .collect();
        left = inner;
        if left.len() == before {
            return left;
        }
    }
}

/// The modules of a crate, without those of tests.
fn modules(member: &str) -> Modules {
    let root = format!("{member}/src/");
    sources()
        .filter_map(|source| {
            let path = source.path.strip_prefix(&root)?.strip_suffix(".rs")?;
            let mut names: Vec<String> = path.split('/').map(str::to_owned).collect();
            if names.iter().any(|name| name == "tests" || name == "bin") {
                return None;
            }
            if matches!(names.last()?.as_str(), "mod" | "lib" | "main") {
                names.pop();
            }
            let code = source.code().collect::<Vec<_>>().join("\n");
            Some((names, code))
        })
        .collect()
}

/// The modules that a module names.
fn uses(from: &[String], code: &str, modules: &Modules) -> BTreeSet<Vec<String>> {
    let mut paths = Vec::new();
    let mut rest = String::new();
    for part in code.split(';') {
        match part.rsplit_once("use ") {
            Some((before, tree)) if begins_item(before) => {
                expand("", tree, &mut paths);
                rest.push_str(before);
            }
            _ => rest.push_str(part),
        }
    }
    let words = rest.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
    paths.extend(words.filter(|word| word.contains("::")).map(str::to_owned));
    let found = paths.iter().filter_map(|path| resolve(from, path, modules));
    found.filter(|to| to != from).collect()
}

/// Whether what follows here, a `use`, is an item and no word in a text.
fn begins_item(before: &str) -> bool {
    let before = before.trim_end();
    before.is_empty() || before.ends_with("pub") || before.ends_with([')', '}', ']'])
}

/// The paths of a tree like `crate::{a, b::{c, d}}`.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let (mut depth, mut branch) = (0_usize, String::new());
    for c in tree.chars().chain([',']) {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let whole = branch.trim();
                match whole.split_once('{') {
                    Some((head, inner)) => {
                        let inner = inner.strip_suffix('}').unwrap_or(inner);
                        expand(&format!("{prefix}{head}"), inner, paths);
                    }
                    None if !whole.is_empty() => paths.push(format!("{prefix}{whole}")),
                    None => {}
                }
                branch.clear();
                continue;
            }
            _ => {}
        }
        branch.push(c);
    }
}

/// The module that a path leads into; none for another crate.
fn resolve(from: &[String], path: &str, modules: &Modules) -> Option<Vec<String>> {
    let path = path.split(" as ").next()?.trim();
    let mut names: Vec<&str> = path.split("::").map(str::trim).collect();
    let mut full: Vec<String> = match *names.first()? {
        "crate" => Vec::new(),
        "self" => from.to_vec(),
        "super" => from.split_last()?.1.to_vec(),
        child => {
            let mut inner = from.to_vec();
            inner.push(child.to_owned());
            modules.get(&inner)?;
            names.insert(0, "self");
            from.to_vec()
        }
    };
    for name in names.iter().skip(1) {
        if *name == "super" {
            full.pop();
        } else {
            full.push((*name).to_owned());
        }
    }
    while !modules.contains_key(&full) {
        full.pop()?;
    }
    Some(full)
}
