//! Promises about the sources that the compiler cannot keep.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail the test"
)]

mod circles;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use shared::protocol::{self, FAMILIES};

/// Code lines that a file may have before its tests.
const MAX_LINES: usize = 600;
/// Where a family needs no file, because the folder's file is plumbing.
const PLUMBING: [&str; 9] = [
    "mod",
    "macros",
    "control",
    "blocks",
    "register",
    "repeat",
    "guard",
    "rank",
    "overrides",
];
/// Names that were replaced, each with what stands for it now.
const OLD_NAMES: [(&str, &str); 12] = [
    ("Vital", "CriticalTasks"),
    ("Appetite", "ReadSize"),
    ("Emitted", "EmittedEvent"),
    ("NewRow", "NewMessageRow"),
    ("leave_job", "enqueue_job"),
    ("tell_devices", "notify_devices"),
    ("one_by_one", "execute_singly"),
    ("goes_alone", "is_isolated"),
    ("Days", "Retention"),
    ("Opener", "Prepare"),
    ("Patience", "Backoff"),
    ("GULP", "MAX_READ"),
];
/// The packages.
const MEMBERS: [&str; 7] = [
    "shared",
    "shared/derive",
    "worker",
    "gateway",
    "loadtest",
    "loadtest/cluster",
    "loadtest/chat",
];
/// Names that several public types of the load tester still have.
const SHARED_NAMES: [&str; 15] = [
    "Arguments",
    "Ended",
    "Fault",
    "History",
    "Kind",
    "Link",
    "Objective",
    "Options",
    "Order",
    "Outcome",
    "Plan",
    "Report",
    "Rooms",
    "Server",
    "Verdict",
];
/// Where else than in Cargo.toml the version is written: the file, and what stands before it.
const VERSIONS: [(&str, &str); 6] = [
    ("gateway/web/package.json", "\n  \"version\": \""),
    ("gateway/web/client/package.json", "\n  \"version\": \""),
    ("gateway/web/client/README.md", "confab-client-"),
    ("helm/Chart.yaml", "\nversion: "),
    ("helm/Chart.yaml", "\nappVersion: "),
    ("docs/kubernetes.md", "/confab-$program:"),
];
/// Who may speak to Postgres.
const SQL: [&str; 6] = [
    "worker/src/store",
    "worker/src/lane",
    "worker/tests",
    "loadtest/src",
    "loadtest/cluster/src",
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
        .filter(|source| !source.is_under("shared/tests/tidy"))
        .filter(|source| words.iter().any(|word| source.text.contains(word)));
    assert_none("are unfinished", unfinished);
}

#[test]
fn every_queue_has_a_bound() {
    let words = [
        "unbounded_channel",
        "mpsc::unbounded",
        "channel::unbounded",
        "crossbeam_channel::unbounded",
        "std::sync::mpsc",
        "sync::mpsc::channel()",
        "mpsc::channel()",
    ];
    let unbounded = sources()
        .filter(|source| !source.is_under("shared/tests/tidy"))
        .filter(|source| words.iter().any(|word| source.says(word)));
    assert_none("have a queue without bound", unbounded);
}

#[test]
fn a_public_type_has_a_name_of_its_own() {
    for member in MEMBERS {
        let known: &[&str] = if member == "loadtest" {
            &SHARED_NAMES
        } else {
            &[]
        };
        let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for source in sources().filter(|source| source.is_under(&format!("{member}/src"))) {
            for name in source.code().filter_map(public_type) {
                places
                    .entry(name.to_owned())
                    .or_default()
                    .push(source.path.clone());
            }
        }
        places.retain(|name, paths| paths.len() > 1 && !known.contains(&name.as_str()));
        assert!(places.is_empty(), "types that share a name: {places:#?}");
    }
}

/// The name of the type that a line declares for other files.
fn public_type(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if !line.starts_with("pub") {
        return None;
    }
    let mut words = line.split_whitespace();
    words.find(|word| ["struct", "enum", "trait", "type"].contains(word))?;
    let name = words.next()?;
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
    name.get(..end.unwrap_or(name.len()))
        .filter(|name| !name.is_empty())
}

#[test]
fn no_old_name_comes_back() {
    let old = sources()
        .filter(|source| source.is_under("worker/src") || source.is_under("shared/src"))
        .filter_map(|source| {
            let found = OLD_NAMES.iter().find(|(name, _)| {
                source
                    .code()
                    .flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'))
                    .any(|word| word == *name)
            });
            found.map(|(name, now)| format!("{}: {name} is {now} now", source.path))
        });
    let old: Vec<_> = old.collect();
    assert!(old.is_empty(), "{old:#?}");
}

#[test]
fn comments_have_subject_verb_and_object() {
    let words = ["anew", "whoever", "so many", "he left"];
    let odd = sources()
        .filter(|source| source.is_under("worker") || source.is_under("shared"))
        .filter(|source| {
            source.text.lines().any(|line| {
                let line = line.to_lowercase();
                let comment = line.trim_start().starts_with("//");
                comment && words.iter().any(|word| line.contains(word))
            })
        });
    assert_none("say anew, whoever, so many, he left", odd);
}

#[test]
fn sql_stays_in_the_store_and_the_lanes() {
    let words = ["sqlx::", "tokio_postgres::"];
    let strays = sources()
        .filter(|source| !source.is_under("shared/tests/tidy"))
        .filter(|source| !SQL.iter().any(|folder| source.is_under(folder)))
        .filter(|source| words.iter().any(|word| source.says(word)));
    assert_none("speak to Postgres", strays);
}

#[test]
fn redis_stays_behind_the_bus() {
    let strays = sources()
        .filter(|source| !source.is_under("shared/tests/tidy"))
        .filter(|source| !source.is_under("shared/src/bus"))
        .filter(|source| source.says("fred::"));
    assert_none("speak to Redis", strays);
}

#[test]
fn every_row_is_listed_in_its_family() {
    let listed: BTreeSet<String> = protocol::rows()
        .map(|row| format!("{}, {}", row.opcode, row.name))
        .chain(protocol::events().map(|row| format!("{}, {}", row.opcode, row.name)))
        .collect();
    let attributes = sources()
        .filter(|source| source.is_under("shared/src/protocol"))
        .flat_map(|source| source.code().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| Some(line.strip_prefix("#[")?.split_once('(')?.1.to_owned()))
        .filter(|row| row.starts_with(|c: char| c.is_ascii_digit()));
    let missing: Vec<_> = attributes
        .filter(|row| {
            let mut parts = row.trim_end_matches(")]").split(", ");
            let name = [parts.next(), parts.next()].map(Option::unwrap_or_default);
            !listed.contains(&name.join(", "))
        })
        .collect();
    assert!(missing.is_empty(), "not in `family!`: {missing:#?}");
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
    assert_eq!(
        protocol.len(),
        FAMILIES.len(),
        "each file here is a family of `families!`, or in PLUMBING: {protocol:?}"
    );
    let strangers: Vec<_> = commands.difference(&protocol).collect();
    assert!(
        strangers.is_empty(),
        "in worker/src/commands without being a family, or in PLUMBING: {strangers:?}"
    );
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

/// A release is one: the programs, the page, the package and the chart have one version, and so has what documents tell to type.
#[test]
fn all_have_one_version() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let cargo = read("Cargo.toml");
    let version = cargo
        .lines()
        .find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'))
        .unwrap();
    for (path, before) in VERSIONS {
        let text = read(path);
        let mut found = text.split(before).skip(1).peekable();
        assert!(found.peek().is_some(), "{path} has no `{before}`");
        for rest in found {
            let end = rest.strip_prefix(version).unwrap_or_default();
            assert!(
                end.starts_with(['"', '.', ' ', '\n']),
                "{path}: behind `{before}` is not {version}"
            );
        }
    }
}

/// Images are the same wherever they are built.
#[test]
fn no_program_says_where_it_was_built() {
    let saying = sources()
        .filter(|source| {
            !source.path.contains("/tests") && !source.is_under("shared/src/reference")
        })
        .filter(|source| source.says("env!(\"CARGO_MANIFEST_DIR"));
    assert_none("have the folder of their sources in the program", saying);
}

/// Docker builds images of what its context lists, and of nothing else.
#[test]
fn what_programs_include_is_in_the_context_of_images() {
    let ignored = fs::read_to_string(root().join(".dockerignore")).unwrap();
    let listed: Vec<&str> = ignored
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    let is_listed = |path: PathBuf| listed.iter().any(|folder| path.starts_with(folder));
    let lacking = sources()
        .filter(|source| !source.path.contains("/tests/"))
        .filter(|source| {
            let mut included = source.code().filter_map(|line| included(source, line));
            included.any(|path| !is_listed(path))
        });
    assert_none("include what .dockerignore leaves out", lacking);
}

fn included(source: &Source, line: &str) -> Option<PathBuf> {
    let (_, rest) = line.split_once("include_str!(\"")?;
    let (path, _) = rest.split_once('"')?;
    let including = root().join(&source.path);
    let file = fs::canonicalize(including.parent()?.join(path)).unwrap();
    Some(file.strip_prefix(root()).unwrap().to_owned())
}

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
