//! Stopping: everyone is told, served, and then closed.

use std::time::Duration;

use shared::error::Reason;
use tokio::net::TcpStream;

use crate::support::{
    client::{Client, Got},
    http::send,
    start, until,
    world::Lanes,
};

#[tokio::test]
async fn a_drain_tells_everyone_answers_what_is_pending_and_ends() {
    let gateway = start(&["--lame-duck-ms", "0", "--drain-ms", "600"]).await;
    gateway.world.account("alice", 10_000);
    let (mut alice, _) = Client::open(gateway.address, "alice").await;
    let mut nobody = Client::connect(gateway.address).await;
    until("it is ready", async || {
        send(gateway.ops, "GET", "/readyz", &[], "").await.0 == 200
    })
    .await;
    gateway.world.state().lanes = Lanes::Silent;
    alice.send(16, 1, 4_096_321, &[0x90]).await;
    until("the command arrived", async || {
        !gateway.world.state().commands.is_empty()
    })
    .await;
    gateway.shutdown.cancel();
    let Got::Reconnect(delay) = alice.next().await else {
        panic!("not told");
    };
    assert!(delay <= 600);
    assert!(matches!(nobody.next().await, Got::Reconnect(_)));
    assert_eq!(send(gateway.ops, "GET", "/readyz", &[], "").await.0, 503);
    assert!(TcpStream::connect(gateway.address).await.is_err());
    // Whoever has nothing pending is closed at the end of the window.
    assert_eq!(nobody.closed().await, 4000);
    let command = gateway.world.state().commands.clone().remove(0);
    let reply = shared::frame::reply(1, &[0x90]);
    gateway.world.answer(&command, &reply).await;
    assert_eq!(alice.next().await, Got::Reply(1, vec![0x90]));
    assert_eq!(alice.closed().await, 4000);
    drop((alice, nobody));
    tokio::time::timeout(Duration::from_secs(10), gateway.tasks.wait())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_gateway_that_is_not_ready_any_more_still_accepts_for_a_while() {
    let gateway = start(&["--lame-duck-ms", "1500", "--drain-ms", "200"]).await;
    gateway.world.account("alice", 10_000);
    let (mut early, _) = Client::open(gateway.address, "alice").await;
    gateway.shutdown.cancel();
    until("it says that it is not ready", async || {
        send(gateway.ops, "GET", "/readyz", &[], "").await.0 == 503
    })
    .await;
    let (mut late, _) = Client::open(gateway.address, "alice").await;
    early.is_quiet(1).await;
    late.is_quiet(1).await;
    for client in [&mut early, &mut late] {
        assert!(matches!(client.next().await, Got::Reconnect(_)));
        assert_eq!(client.closed().await, 4000);
    }
}

#[tokio::test]
async fn commands_are_taken_until_the_end() {
    let gateway = start(&["--lame-duck-ms", "0", "--drain-ms", "5000"]).await;
    gateway.world.account("alice", 10_000);
    let (mut alice, _) = Client::open(gateway.address, "alice").await;
    gateway.shutdown.cancel();
    assert!(matches!(alice.next().await, Got::Reconnect(_)));
    alice.send(16, 1, 4_096_321, &[0x90]).await;
    match alice.next().await {
        Got::Reply(1, _) => {}
        Got::Refusal(1, refusal) => assert_eq!(refusal.reason, Reason::Busy),
        other => panic!("{other:?}"),
    }
}
