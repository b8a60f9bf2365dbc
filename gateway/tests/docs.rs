//! Writes and compares the references of the gateway, see `make docs`.

use shared::{config::command, reference};

#[test]
fn the_references_are_those_of_the_code() {
    let documents = [
        (
            "docs/configuration-gateway.md",
            reference::configuration("gateway", &command::<gateway::config::Cli>()),
        ),
        (
            "docs/metrics-gateway.md",
            reference::metrics("gateway", &gateway::metrics().unwrap()),
        ),
    ];
    reference::assert_current(&documents);
}
