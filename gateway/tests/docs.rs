//! Writes and compares the references of the gateway, see `make docs`.

use clap::CommandFactory as _;
use shared::reference;

#[test]
fn the_references_are_those_of_the_code() {
    let documents = [
        (
            "docs/configuration-gateway.md",
            reference::configuration("gateway", &gateway::config::Config::command()),
        ),
        (
            "docs/metrics-gateway.md",
            reference::metrics("gateway", &gateway::metrics().unwrap()),
        ),
    ];
    reference::assert_current(&documents);
}
