//! What a lane tells gateways of rights, and of what is not stored.

use shared::{
    bus::envelope::Effect,
    domain::{
        permissions::{Override, Permissions, TargetKind},
        rights::Change,
    },
    error::Reason,
    ids::{ChannelId, Partition},
    protocol::{
        self,
        channel::{ChannelUpdated, UpdateChannel},
        typing::SignalTyping,
    },
};

use super::stage::{Room, Stage};

#[tokio::test]
async fn a_signal_is_told_and_not_stored() {
    let (mut stage, alice, room) = Stage::with_room().await;
    stage.hear(room.server).await;
    let channel_id = room.channel;
    let typing = SignalTyping { channel_id };
    stage.call(&alice, room.server, &typing).await;
    let heard = stage.heard().await;
    assert_eq!((heard.seq, heard.visibility), (0, Some(room.channel.get())));
    let head = stage.column("SELECT max(head)::text FROM topics").await;
    assert_eq!(head, [heard.after.to_string()], "it names its place");
    stage.counts("events WHERE opcode = 48", 0).await;
    // Its entry leaves the stream all the same.
    stage
        .until_found(&format!(
            "partitions WHERE id = {} AND offset_ms > 0",
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
        slow_mode: None,
    }
}

#[tokio::test]
async fn what_overrides_permit_goes_with_the_member_and_a_large_server_tells_nobody_else() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let bob = stage.member("bob", &room).await;
    let mut given = hide(&room, bob.id);
    for given in given.overrides.iter_mut().flatten() {
        given.allow = Permissions::SEND_MESSAGES;
    }
    stage.call(&alice, room.server, &given).await;
    stage.stop_lanes().await;
    stage
        .execute("UPDATE servers SET member_count = 100000")
        .await;
    stage.start_lanes(1);
    stage.hear(room.server).await;
    stage.leave_server(&bob, &room).await;
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
                Change::Override { before: Some(_), after: Some(denied), .. },
            ] if *user == bob.user()
                && denied.allow.is_empty()
                && denied.deny == Permissions::VIEW_CHANNEL
        ),
        "{changes:?}"
    );
    let told = stage.heard().await;
    let updated: ChannelUpdated = protocol::decode(&told.body).unwrap();
    let allowed = updated.channel.overrides.iter().map(|o| o.allow);
    assert!(allowed.eq([Permissions::empty()]));
    stage
        .counts("overrides WHERE allow = 0 AND deny <> 0", 1)
        .await;
    stage
        .finds("SELECT member_count::text FROM servers", ["99999"])
        .await;
    stage.counts("events WHERE audience IS NOT NULL", 1).await;
}

#[tokio::test]
async fn a_change_of_rights_says_what_was_and_which_change_it_follows() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let bob = stage.member("bob", &room).await;
    stage.hear(room.server).await;
    let hide = |target| hide(&room, target);
    let forbidden = stage.post(&bob, room.server, &hide(bob.id));
    stage.refused(forbidden, Reason::Forbidden).await;
    let nobody = stage.post(&alice, room.server, &hide(77));
    stage.refused(nobody, Reason::UnknownTarget).await;
    stage.call(&alice, room.server, &hide(bob.id)).await;
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
    stage.call(&alice, room.server, &hide(bob.id)).await;
    stage.call(&alice, room.server, &none).await;
    let second = stage.heard().await;
    assert!(
        matches!(second.effect(), Some(Effect::Rights { follows, .. }) if follows == first.seq),
        "{second:?}"
    );
    let again = UpdateChannel {
        nonce: "again".to_owned(),
        ..hide(bob.id)
    };
    stage.call(&alice, room.server, &again).await;
    let unseen = stage.post_message(&bob, &room, "n", "hello");
    stage.refused(unseen, Reason::UnknownChannel).await;
}

#[tokio::test]
async fn a_server_has_so_many_overrides_and_no_more() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let bob = stage.member("bob", &room).await;
    stage
        .execute(&format!(
            "INSERT INTO channels (id, server, name, position)
                 SELECT n, {}, 'c', n FROM generate_series(1, 50) n;
             INSERT INTO overrides (channel, kind, target, allow, deny)
                 SELECT c, 1, n, 0, 1 FROM generate_series(1, 50) c, generate_series(1, 100) n",
            room.server
        ))
        .await;
    stage.stop_lanes().await;
    stage.start_lanes(1);
    let full = stage.post(&alice, room.server, &hide(&room, bob.id));
    stage.refused(full, Reason::LimitReached).await;
    // What there is may go, and make room.
    let none = UpdateChannel {
        nonce: "none".to_owned(),
        channel_id: ChannelId::new(1).unwrap(),
        overrides: Some(Vec::new()),
        ..hide(&room, bob.id)
    };
    stage.call(&alice, room.server, &none).await;
    let again = UpdateChannel {
        nonce: "again".to_owned(),
        ..hide(&room, bob.id)
    };
    stage.call(&alice, room.server, &again).await;
}
