//! The smoke test passes where a cluster is well, says what is not, and leaves nothing behind.

use anyhow::Result;
use loadtest::{
    harness::{Harness, holds},
    requests::PASSWORD,
    smoke::{Arguments, run},
};
use shared::protocol::{server::ListServers, session::ListSessions};

scenarios! {
    a_guest_loses_a_gateway_and_nothing_else,
    an_account_does_it_too_and_keeps_nothing_of_it,
    one_gateway_is_not_enough,
}

fn guest(gateways: Vec<String>) -> Arguments {
    Arguments {
        gateways,
        name: None,
        password: None,
    }
}

async fn a_guest_loses_a_gateway_and_nothing_else(harness: &Harness) -> Result<()> {
    run(&guest(harness.cluster.addresses()), |_step| {}).await
}

async fn an_account_does_it_too_and_keeps_nothing_of_it(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    let arguments = Arguments {
        gateways: harness.cluster.addresses(),
        name: Some(alice.user.name.clone()),
        password: Some(PASSWORD.to_owned()),
    };
    run(&arguments, |_step| {}).await?;
    let left = alice.call(&ListServers {}).await?.servers;
    holds(left.is_empty(), "a server was left behind")?;
    let sessions = alice.call(&ListSessions {}).await?.sessions;
    holds(sessions.len() == 1, "a session was left behind")
}

async fn one_gateway_is_not_enough(harness: &Harness) -> Result<()> {
    let one = harness.address(0)?;
    let error = run(&guest(vec![one.clone(), one]), |_step| {}).await;
    let says = error
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    holds(says.starts_with("two gateways are needed"), &says)
}
