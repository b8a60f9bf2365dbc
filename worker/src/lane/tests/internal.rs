//! Internal commands: once, in order, patient, and in nobody's way.

use shared::{
    protocol::{
        self, Request as _, admin::OperateAccount, invite::JoinMember, member::DeleteAuthored,
        server::FoundServer,
    },
    wire::Wire as _,
};

use super::stage::Stage;

/// An internal command that works anywhere.
fn found(name: &str) -> (u16, u64, Vec<u8>) {
    let found = FoundServer {
        nonce: name.to_owned(),
        name: name.to_owned(),
    };
    (FoundServer::ROW.opcode, 0, protocol::encode(&found))
}

/// One that is refused: there is no such account.
fn refused() -> (u16, u64, Vec<u8>) {
    let operate = OperateAccount::sample();
    (OperateAccount::ROW.opcode, 0, protocol::encode(&operate))
}

#[tokio::test]
async fn those_of_a_pair_are_applied_once_and_in_order() {
    let mut stage = Stage::stopped().await;
    let alice = stage.account("alice").await;
    for number in 1..=40 {
        let command = found(&format!("{number:02}"));
        stage.enqueue((9, number), &alice, command).await;
    }
    stage.start_lanes(2);
    let applied = "internal_inbox WHERE source = 9 AND applied = 40";
    stage.until_found(applied).await;
    let expected: Vec<String> = (1..=40).map(|number| format!("{number:02}")).collect();
    stage
        .finds("SELECT name FROM servers ORDER BY id", expected)
        .await;
    stage.counts("internal_outbox", 0).await;
    // The same number again is not the next one.
    stage.enqueue((9, 40), &alice, found("again")).await;
    stage.enqueue((9, 41), &alice, found("41")).await;
    stage.until_found("internal_inbox WHERE applied = 41").await;
    stage.counts("servers WHERE name = 'again'", 0).await;
}

#[tokio::test]
async fn one_that_is_refused_is_kept_and_holds_back_its_own_pair_only() {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    stage.enqueue((1, 1), &alice, refused()).await;
    stage.enqueue((1, 2), &alice, found("behind")).await;
    stage.enqueue((2, 3), &alice, found("beside")).await;
    stage.start_lanes(1);
    stage.until_found("servers WHERE name = 'beside'").await;
    stage
        .until_found("internal_inbox WHERE source = 1 AND attempts >= 3")
        .await;
    stage.send(&alice, &room, "n", "hello").await;
    // Tried once more, it waits for a person, and is still there.
    stage
        .execute("UPDATE internal_inbox SET attempts = 11, not_before = now() WHERE source = 1")
        .await;
    let parked = "internal_inbox WHERE source = 1 AND parked AND problem IS NOT NULL";
    stage.until_found(parked).await;
    stage
        .finds(
            "SELECT number::text FROM internal_outbox ORDER BY number",
            ["1", "2"],
        )
        .await;
    assert_eq!(stage.metrics.restarts_total.get(), 0);
    // A person who looked at it says that it is done; then what was behind it goes on.
    stage
        .execute(
            "UPDATE internal_inbox SET applied = 1, attempts = 0, parked = false, not_before = now()
             WHERE source = 1",
        )
        .await;
    stage.until_found("servers WHERE name = 'behind'").await;
}

#[tokio::test]
async fn one_whose_server_is_gone_is_done_whatever_it_is() {
    let mut stage = Stage::stopped().await;
    let alice = stage.account("alice").await;
    let nobody = shared::wire::Wire::sample();
    let deletion = DeleteAuthored {
        author: alice.user(),
        from: nobody,
        until: nobody,
        channel: shared::wire::Wire::sample(),
        after: nobody,
    };
    let deletion = protocol::encode(&deletion);
    // Of the partition that executes it.
    let no_server = 4096;
    stage
        .enqueue(
            (1, 1),
            &alice,
            (DeleteAuthored::ROW.opcode, no_server, deletion),
        )
        .await;
    let join = JoinMember {
        nonce: "n".to_owned(),
        code: "c".to_owned(),
    };
    let join = (JoinMember::ROW.opcode, no_server, protocol::encode(&join));
    stage.enqueue((1, 2), &alice, join).await;
    stage.enqueue((1, 3), &alice, found("behind")).await;
    stage.start_lanes(1);
    stage.until_found("servers WHERE name = 'behind'").await;
    stage.counts("internal_inbox WHERE attempts > 0", 0).await;
}

#[tokio::test]
async fn one_that_only_a_newer_program_knows_waits_for_it() {
    let mut stage = Stage::stopped().await;
    let alice = stage.account("alice").await;
    let unknown = (65_000, 0, vec![0x90]);
    stage.enqueue((1, 1), &alice, unknown).await;
    stage.enqueue((2, 2), &alice, found("beside")).await;
    stage.start_lanes(1);
    stage.until_found("servers WHERE name = 'beside'").await;
    stage
        .until_found(
            "internal_inbox WHERE source = 1 AND problem = 'unknown_command'
             AND attempts = 0 AND NOT parked AND not_before > now()",
        )
        .await;
    stage
        .finds("SELECT number::text FROM internal_outbox", ["1"])
        .await;
}

#[tokio::test]
async fn the_streams_have_their_part_of_each_turn() {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    let opcode = FoundServer::ROW.opcode;
    let body = found("many").2;
    stage
        .execute(&format!(
            "INSERT INTO internal_outbox (target, source, number, opcode, scope, author, body)
             SELECT 0, n % 8, n, {opcode}, 0, {}, decode('{}', 'hex') FROM generate_series(1, 2000) n",
            alice.id,
            shared::hex::encode(&body)
        ))
        .await;
    let post = stage.post_message(&alice, &room, "n", "hello");
    stage.flush().await;
    stage.start_lanes(1);
    stage.answer::<protocol::message::MessageSent>(post).await;
    stage
        .finds(
            "SELECT (count(*) > 1000)::text FROM internal_outbox",
            ["true"],
        )
        .await;
}
