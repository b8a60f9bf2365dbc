//! Promises about the sources that the compiler cannot keep.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail the test"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use shared::protocol::FAMILIES;

/// Code lines that a file may have before its tests.
const MAX_LINES: usize = 600;
/// Where a family needs no file, because the folder's file is plumbing.
const PLUMBING: [&str; 7] = [
    "mod", "macros", "control", "blocks", "register", "repeat", "guard",
];
/// Who may speak to Postgres.
const SQL: [&str; 5] = [
    "worker/src/store",
    "worker/src/lane",
    "worker/tests",
    "loadtest/src",
    "loadtest/tests/load",
];

struct Source {
    /// Relative to the root, with forward slashes.
    path: String,
    text: String,
}

impl Source {
    /// The lines that are compiled outside of tests, without comments. A test module
    /// within a file is the last thing in it; one in a file of its own is one line.
    fn code(&self) -> impl Iterator<Item = &str> {
        let lines = self.text.lines();
        lines
            .clone()
            .zip(lines.skip(1).chain([""]))
            .take_while(|(line, next)| *line != "#[cfg(test)]" || !next.ends_with('{'))
            .map(|(line, _)| line)
            .filter(|line| !line.trim_start().starts_with("//"))
    }

    fn is_under(&self, folder: &str) -> bool {
        Path::new(&self.path).starts_with(folder) || self.path.strip_suffix(".rs") == Some(folder)
    }

    fn says(&self, word: &str) -> bool {
        self.code().any(|line| line.contains(word))
    }
}

#[test]
fn every_file_says_what_it_is() {
    let silent = sources().filter(|source| !source.text.starts_with("//! "));
    assert_none("begin with a line `//! …`", silent);
}

#[test]
fn files_are_short() {
    let long = sources().filter(|source| {
        let lines = source.code().filter(|line| !line.trim().is_empty());
        lines.count() > MAX_LINES
    });
    assert_none("have more than 600 lines of code: split", long);
}

#[test]
fn nothing_is_left_to_do() {
    let words = ["todo!(", "unimplemented!(", "TODO", "FIXME", "#[ignore"];
    let unfinished = sources()
        .filter(|source| !source.path.ends_with("tests/tidy.rs"))
        .filter(|source| words.iter().any(|word| source.text.contains(word)));
    assert_none("are unfinished", unfinished);
}

#[test]
fn every_queue_has_a_bound() {
    let words = ["unbounded_channel", "mpsc::unbounded", "channel::unbounded"];
    let unbounded = sources()
        .filter(|source| !source.path.ends_with("tests/tidy.rs"))
        .filter(|source| words.iter().any(|word| source.says(word)));
    assert_none("have a queue without bound", unbounded);
}

#[test]
fn sql_stays_in_the_store_and_the_lanes() {
    let words = ["sqlx::", "tokio_postgres"];
    let strays = sources()
        .filter(|source| !source.path.ends_with("tests/tidy.rs"))
        .filter(|source| !SQL.iter().any(|folder| source.is_under(folder)))
        .filter(|source| words.iter().any(|word| source.says(word)));
    assert_none("speak to Postgres", strays);
}

#[test]
fn redis_stays_behind_the_bus() {
    let strays = sources()
        .filter(|source| !source.path.ends_with("tests/tidy.rs"))
        .filter(|source| !source.is_under("shared/src/bus"))
        .filter(|source| source.says("fred::"));
    assert_none("speak to Redis", strays);
}

#[test]
fn a_family_has_one_name_everywhere() {
    let protocol = stems("shared/src/protocol");
    let commands = stems("worker/src/commands");
    let queries = stems("worker/src/queries");
    for (family, command_rows, query_rows, _) in FAMILIES {
        let family = (*family).to_owned();
        assert!(protocol.contains(&family), "protocol/{family}.rs");
        assert_eq!(
            commands.contains(&family),
            !command_rows.is_empty(),
            "worker/src/commands/{family}.rs is there if lanes execute rows of the family"
        );
        assert!(
            queries.contains(&family) || query_rows.is_empty(),
            "worker/src/queries/{family}.rs answers the queries of the family"
        );
    }
    assert_eq!(protocol.len(), FAMILIES.len(), "{protocol:?}");
    assert!(commands.is_subset(&protocol), "{commands:?}");
    // Not every family has statements of its own, and the store has files
    // besides; but none has the plural of a family's name.
    let store = ["", "/read", "/write"].map(|folder| stems(&format!("worker/src/store{folder}")));
    let plurals: Vec<_> = protocol
        .iter()
        .map(|family| format!("{family}s"))
        .filter(|plural| {
            queries.contains(plural) || store.iter().any(|in_store| in_store.contains(plural))
        })
        .collect();
    assert!(
        plurals.is_empty(),
        "named otherwise than their family: {plurals:?}"
    );
}

/// The families that have a file, or a folder, here.
fn stems(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder))
        .unwrap_or_else(|error| panic!("failed to read {folder}: {error}"));
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            path.file_stem().unwrap().to_str().unwrap().to_owned()
        })
        .filter(|stem| !PLUMBING.contains(&stem.as_str()))
        .collect()
}

fn assert_none(what: &str, found: impl Iterator<Item = Source>) {
    let paths: Vec<_> = found.map(|source| source.path).collect();
    assert!(paths.is_empty(), "{what}: {paths:#?}");
}

/// Every Rust file of the workspace.
fn sources() -> impl Iterator<Item = Source> {
    let mut files = Vec::new();
    for member in ["shared", "gateway", "worker", "loadtest"] {
        collect(&root().join(member), &mut files);
    }
    assert!(files.len() > 20, "the sources were not found");
    let root = root();
    files.into_iter().map(move |path| Source {
        text: fs::read_to_string(&path).unwrap(),
        path: path
            .strip_prefix(&root)
            .unwrap()
            .to_str()
            .unwrap()
            .replace('\\', "/"),
    })
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !matches!(name, "target" | "node_modules") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}
