//! Writes and compares the references of the worker, see `make docs`.

use shared::reference;

#[test]
fn the_references_are_those_of_the_code() {
    let documents = [
        (
            "docs/configuration-worker.md",
            reference::configuration("worker", &shared::config::command::<worker::config::Cli>()),
        ),
        (
            "docs/metrics-worker.md",
            reference::metrics("worker", &worker::metrics().unwrap()),
        ),
    ];
    reference::assert_current(&documents);
}
