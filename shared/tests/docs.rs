//! Writes and compares the documents that are generated from the protocol.
//!
//! `make docs` (`UPDATE_DOCS=1 cargo test -p shared --test docs`) writes them.

use std::{fs, path::PathBuf};

use shared::reference;

#[test]
fn the_documents_are_those_of_the_code() {
    let documents = [
        ("docs/protocol.md", reference::protocol()),
        ("docs/refusals.md", reference::refusals()),
        ("docs/protocol.json", reference::json()),
        (
            "gateway/web/client/src/protocol.generated.ts",
            reference::typescript(),
        ),
    ];
    reference::assert_current(&documents);
}

/// Lines of the golden vectors are only added: what a released client sends
/// stays in the file when the sample of today looks different.
#[test]
fn the_golden_vectors_hold_those_of_today() {
    const PATH: &str = "shared/tests/golden/vectors.json";
    let committed = fs::read_to_string(path(PATH)).unwrap_or_default();
    let mut lines: Vec<&str> = committed
        .lines()
        .map(|line| line.trim_end_matches(','))
        .filter(|line| line.starts_with('{'))
        .collect();
    let today = reference::vectors();
    for line in &today {
        if !lines.contains(&line.as_str()) {
            lines.push(line);
        }
    }
    let text = format!("[\n{}\n]\n", lines.join(",\n"));
    reference::assert_current(&[(PATH, text)]);
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
}
