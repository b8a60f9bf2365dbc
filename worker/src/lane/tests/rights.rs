//! What a lane tells gateways of rights, and of what is not stored.

use shared::{
    bus::envelope::Effect,
    domain::{
        permissions::{Override, Permissions, TargetKind},
        rights::Change,
    },
    error::Reason,
    ids::Partition,
    protocol::{channel::UpdateChannel, server::LeaveServer, typing::SignalTyping},
};

use super::stage::{Room, Stage};

#[tokio::test]
async fn a_signal_is_told_and_not_stored() {
    let mut stage = Stage::new().await;
    let (alice, room) = stage.room("alice").await;
    stage.hear(room.server).await;
    stage
        .call(
            &alice,
            room.server,
            &SignalTyping {
                channel_id: room.channel,
            },
        )
        .await
        .unwrap();
    let heard = stage.heard().await;
    assert_eq!((heard.seq, heard.visibility), (0, Some(room.channel.get())));
    let head = stage.column("SELECT max(head)::text FROM topics").await;
    assert_eq!(head, [heard.after.to_string()], "it names its place");
    assert_eq!(
        stage
            .column("SELECT count(*)::text FROM events WHERE opcode = 48")
            .await,
        ["0"]
    );
    // Its entry leaves the stream all the same.
    stage
        .until(&format!(
            "SELECT 1 FROM partitions WHERE id = {} AND offset_ms > 0",
            Partition::of(room.server)
        ))
        .await;
}

/// Hides the room's channel from a member.
fn hide(room: &Room, target: u64) -> UpdateChannel {
    UpdateChannel {
        nonce: format!("hide-{target}"),
        channel_id: room.channel,
        name: None,
        topic: None,
        position: None,
        overrides: Some(vec![Override {
            kind: TargetKind::Member,
            target,
            allow: Permissions::empty(),
            deny: Permissions::VIEW_CHANNEL,
        }]),
    }
}

#[tokio::test]
async fn overrides_go_with_the_member_and_a_large_server_tells_nobody_else() {
    let mut stage = Stage::new().await;
    let (alice, room) = stage.room("alice").await;
    let bob = stage.member("bob", &room).await;
    let hidden = stage.call(&alice, room.server, &hide(&room, bob.id)).await;
    hidden.unwrap();
    stage.stop_lanes().await;
    stage
        .execute("UPDATE servers SET member_count = 100000")
        .await;
    stage.start_lanes(1);
    stage.hear(room.server).await;
    let leave = LeaveServer {
        nonce: "leave".to_owned(),
    };
    stage.call(&bob, room.server, &leave).await.unwrap();
    let left = stage.heard().await;
    assert_eq!(left.audience, Some(vec![bob.id]));
    let Some(Effect::Rights { changes, .. }) = left.effect() else {
        panic!("{left:?}");
    };
    assert!(
        matches!(
            &changes[..],
            [
                Change::Left { user, .. },
                Change::Override { before: Some(_), after: None, .. },
            ] if *user == bob.user()
        ),
        "{changes:?}"
    );
    let kept = stage.column("SELECT count(*)::text FROM overrides").await;
    assert_eq!(kept, ["0"]);
    let count = stage.column("SELECT member_count::text FROM servers").await;
    assert_eq!(count, ["99999"]);
    let narrowed = "SELECT count(*)::text FROM events WHERE audience IS NOT NULL";
    assert_eq!(stage.column(narrowed).await, ["1"]);
}

#[tokio::test]
async fn a_change_of_rights_says_what_was_and_which_change_it_follows() {
    let mut stage = Stage::new().await;
    let (alice, room) = stage.room("alice").await;
    let bob = stage.member("bob", &room).await;
    stage.hear(room.server).await;
    let hide = |target| hide(&room, target);
    assert_eq!(
        stage
            .call(&bob, room.server, &hide(bob.id))
            .await
            .unwrap_err(),
        Reason::Forbidden
    );
    assert_eq!(
        stage
            .call(&alice, room.server, &hide(77))
            .await
            .unwrap_err(),
        Reason::UnknownTarget
    );
    stage
        .call(&alice, room.server, &hide(bob.id))
        .await
        .unwrap();
    let first = stage.heard().await;
    let Some(Effect::Rights { follows, changes }) = first.effect() else {
        panic!("{first:?}");
    };
    assert_eq!(follows, 0);
    let given = |change: &Change| match change {
        Change::Override { before, after, .. } => (before.clone(), after.clone()),
        other => panic!("{other:?}"),
    };
    let [change] = &changes[..] else {
        panic!("{changes:?}");
    };
    let (before, after) = given(change);
    assert_eq!(
        (before, after.map(|after| after.target)),
        (None, Some(bob.id))
    );
    // The next one names it as the one that it follows.
    let none = UpdateChannel {
        nonce: "show".to_owned(),
        overrides: Some(Vec::new()),
        ..hide(bob.id)
    };
    stage
        .call(&alice, room.server, &hide(bob.id))
        .await
        .unwrap();
    stage.call(&alice, room.server, &none).await.unwrap();
    let second = stage.heard().await;
    assert!(
        matches!(second.effect(), Some(Effect::Rights { follows, .. }) if follows == first.seq),
        "{second:?}"
    );
    let again = UpdateChannel {
        nonce: "again".to_owned(),
        ..hide(bob.id)
    };
    stage.call(&alice, room.server, &again).await.unwrap();
    assert_eq!(
        stage.send(&bob, &room, "n", "hello").await.unwrap_err(),
        Reason::UnknownChannel
    );
}
