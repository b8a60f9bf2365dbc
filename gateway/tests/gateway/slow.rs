//! Slow readers harm nobody else.

use shared::bus::envelope::Envelope;
use tokio::io::AsyncReadExt;

use crate::support::{
    SERVER,
    client::{Client, Got},
    http::send,
    start, until,
    world::World,
};

#[tokio::test]
async fn a_slow_consumer_is_closed_and_others_get_everything() {
    let gateway = start(&["--queue-bytes", "65536"]).await;
    let world = &gateway.world;
    world.account("slow", 10_000);
    world.account("quick", 10_001);
    world.member(SERVER, 10_000, &[1]);
    world.member(SERVER, 10_001, &[1]);
    let (mut quick, _) = Client::open(gateway.address, "quick").await;
    let mut slow = Client::sleeper(gateway.address, "slow").await;
    until("both are there", async || {
        let (_, _, text) = send(gateway.ops, "GET", "/metrics", &[], "").await;
        text.contains("confab_gateway_sessions 2")
    })
    .await;
    let mut sent = 0_u64;
    until("the slow one is closed", async || {
        let large: Vec<Envelope> = (0..100)
            .map(|_| {
                let mut event = world.write(SERVER, Some(1), None);
                event.body = World::large(1_000);
                event
            })
            .collect();
        world.publish(&large).await;
        let expected: Vec<u64> = (sent + 1..=sent + 100).collect();
        assert_eq!(quick.events(SERVER, 100).await, expected);
        sent += 100;
        let (_, _, text) = send(gateway.ops, "GET", "/metrics", &[], "").await;
        text.contains(r#"confab_gateway_closed_total{close_code="SlowConsumer"} 1"#)
    })
    .await;
    // What the slow one reads in the end stops with the close frame.
    let mut rest = Vec::new();
    slow.read_to_end(&mut rest).await.unwrap();
    let close = [&[0x88, 14][..], &4_008_u16.to_be_bytes(), b"SlowConsumer"].concat();
    assert!(rest.ends_with(&close), "{:x?}", &rest[rest.len() - 20..]);
    quick.is_quiet(1).await;
}

#[tokio::test]
async fn an_answer_larger_than_the_queue_arrives() {
    let gateway = start(&["--queue-bytes", "65536"]).await;
    gateway.world.account("t", 10_000);
    gateway.world.state().answer_bytes = Some(1_000_000);
    let (mut client, _) = Client::open(gateway.address, "t").await;
    for request in 1..=3 {
        client.send(2_053, request, SERVER, &[0x90]).await;
        match client.next().await {
            Got::Reply(number, body) => {
                assert_eq!((number, body.len()), (request, 1_000_000));
            }
            other => panic!("{other:?}"),
        }
    }
}
