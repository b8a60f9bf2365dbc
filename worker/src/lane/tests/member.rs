//! Members in their lane: who may give whom which role, what leaves the log, and what ends by
//! itself.

use shared::{
    bus::envelope::Effect,
    domain::{permissions::Permissions, rights::Change},
    error::Reason,
    ids::{EPOCH_MS, Id, RoleId},
    protocol::{
        Event as _,
        invite::JoinMember,
        member::{
            AddMemberRoles, BanUser, MemberRolesChanged, MuteMember, NicknameChanged,
            RemoveMemberRoles, SetMemberRoles, SetNickname, TimeOutMember,
        },
        message::{MessageSent, MessagesDeleted},
        server::ServerInfo,
    },
};

use super::stage::{Person, Room, Stage};

/// A server of Alice with roles of ranks 1, 2 and 3. Bob holds the second, which manages roles
/// and may send messages; Carol holds none. Who is who: Alice, Bob, Carol.
async fn ranked() -> (Stage, [Person; 3], Room, [RoleId; 3]) {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    let bob = stage.member("bob", &room).await;
    let carol = stage.member("carol", &room).await;
    let roles = [1, 2, 3].map(|rank| (rank, Id::new(room.server + rank).unwrap()));
    for (rank, role) in roles {
        let bits = match rank {
            2 => Permissions::MANAGE_ROLES,
            3 => Permissions::BAN_MEMBERS,
            _ => Permissions::SEND_MESSAGES,
        };
        stage
            .execute(&format!(
                "INSERT INTO roles (server, id, name, permissions, position)
                 VALUES ({}, {role}, 'r{rank}', {}, {rank})",
                room.server,
                bits.sql()
            ))
            .await;
    }
    let roles = roles.map(|(_, role)| role);
    stage
        .execute(&format!(
            "UPDATE members SET roles = '{{{}}}' WHERE account = {}",
            roles[1], bob.id
        ))
        .await;
    stage.start_lanes(1);
    (stage, [alice, bob, carol], room, roles)
}

fn set(person: &Person, roles: &[RoleId]) -> SetMemberRoles {
    SetMemberRoles {
        nonce: format!(
            "set-{}-{}",
            person.id,
            roles.first().map_or(0, |role| role.get())
        ),
        user_id: person.user(),
        roles: roles.to_vec(),
        reason: "because".to_owned(),
    }
}

#[tokio::test]
async fn roles_are_given_from_above_and_taken_from_above() {
    let (mut stage, [alice, bob, carol], room, [low, own, high]) = ranked().await;
    let forbidden = [
        // A role of his own rank, and one above it.
        (&bob, set(&carol, &[own])),
        (&bob, set(&carol, &[high])),
        // Somebody above him, and what he has himself.
        (&bob, set(&alice, &[low])),
        (&bob, set(&bob, &[])),
        // Somebody who manages no roles.
        (&carol, set(&carol, &[low])),
    ];
    for (who, request) in forbidden {
        let posted = stage.post(who, room.server, &request);
        stage.refused(posted, Reason::Forbidden).await;
    }
    stage.hear(room.server).await;
    stage.call(&bob, room.server, &set(&carol, &[low])).await;
    let told = stage.heard().await;
    let changed: MemberRolesChanged = shared::protocol::decode(&told.body).unwrap();
    assert_eq!(changed.roles, [low]);
    let Some(Effect::Rights { changes, .. }) = told.effect() else {
        panic!("{told:?}");
    };
    assert_eq!(
        changes,
        [Change::Roles {
            user: carol.user(),
            since: 0,
            before: vec![],
            after: vec![low],
        }]
    );
    let seq = told.seq.to_string();
    stage
        .finds("SELECT changed::text FROM members WHERE changed > 0", [seq])
        .await;
    stage.counts("member_roles", 1).await;
    // The owner gives whatever there is; nobody below takes it away.
    let all = AddMemberRoles {
        nonce: "add".to_owned(),
        user_id: carol.user(),
        roles: vec![high, own],
        reason: String::new(),
    };
    stage.call(&alice, room.server, &all).await;
    let take = RemoveMemberRoles {
        nonce: "take".to_owned(),
        user_id: carol.user(),
        roles: vec![low],
        reason: String::new(),
    };
    let posted = stage.post(&bob, room.server, &take);
    stage.refused(posted, Reason::Forbidden).await;
    stage.call(&alice, room.server, &take).await;
    let held = format!("{{{own},{high}}}");
    stage
        .finds(
            &format!(
                "SELECT roles::text FROM members WHERE account = {}",
                carol.id
            ),
            [held],
        )
        .await;
    stage.counts("member_roles", 2).await;
    let recorded = "SELECT reason || ' ' || target || ' ' || before || ' ' || after
                    FROM audit_entries ORDER BY id LIMIT 1";
    let entry = format!(
        r#"because {} {{"roles":[]}} {{"roles":["{low}"]}}"#,
        carol.id
    );
    stage.finds(recorded, [entry]).await;
}

#[tokio::test]
async fn nobody_gives_what_he_lacks() {
    let (mut stage, [alice, bob, carol], room, [low, _, _]) = ranked().await;
    stage.stop_lanes().await;
    stage
        .execute(&format!(
            "UPDATE roles SET permissions = {} WHERE id = {low}",
            Permissions::KICK_MEMBERS.sql()
        ))
        .await;
    stage.start_lanes(1);
    let give = set(&carol, &[low]);
    let posted = stage.post(&bob, room.server, &give);
    stage.refused(posted, Reason::Forbidden).await;
    stage.call(&alice, room.server, &give).await;
    // To take it, rank is enough.
    stage.call(&bob, room.server, &set(&carol, &[])).await;
    stage.counts("member_roles", 0).await;
}

#[tokio::test]
async fn a_role_that_was_deleted_counts_for_nothing() {
    let (mut stage, [alice, bob, _], room, [low, _, _]) = ranked().await;
    stage.stop_lanes().await;
    stage
        .execute("UPDATE members SET roles = '{77}' WHERE roles <> '{}'")
        .await;
    stage.start_lanes(1);
    stage.call(&alice, room.server, &set(&bob, &[low])).await;
    stage
        .finds(
            &format!("SELECT roles::text FROM members WHERE account = {}", bob.id),
            [format!("{{{low}}}")],
        )
        .await;
}

#[tokio::test]
async fn a_large_server_tells_the_two_of_a_change() {
    let (mut stage, [alice, bob, _], room, [low, ..]) = ranked().await;
    stage.stop_lanes().await;
    stage
        .execute("UPDATE servers SET member_count = 100000")
        .await;
    stage.start_lanes(1);
    stage.hear(room.server).await;
    stage.call(&alice, room.server, &set(&bob, &[low])).await;
    let told = stage.heard().await;
    assert_eq!(told.audience, Some(vec![bob.id, alice.id]));
    assert!(told.effect().is_some());
}

#[tokio::test]
async fn a_nickname_that_is_gone_leaves_the_log() {
    let (mut stage, alice, room) = Stage::with_room().await;
    for nickname in ["First", "Second"] {
        let set = SetNickname {
            nonce: nickname.to_owned(),
            nickname: nickname.to_owned(),
            user_id: None,
        };
        stage.call(&alice, room.server, &set).await;
    }
    stage.start_background();
    stage.until_counts("jobs", 0).await;
    let told = format!("events WHERE opcode = {}", NicknameChanged::OPCODE);
    for (nickname, left) in [("First", 0), ("Second", 1)] {
        let holding = format!("{told} AND position('{nickname}'::bytea IN body) > 0");
        stage.counts(&holding, left).await;
    }
    stage.counts(&told, 2).await;
    let listed = "SELECT sort_name FROM members";
    stage.finds(listed, ["second"]).await;
}

fn silence(person: &Person, duration: u32) -> TimeOutMember {
    TimeOutMember {
        nonce: format!("silence-{}-{duration}", person.id),
        user_id: person.user(),
        duration,
        reason: String::new(),
    }
}

#[tokio::test]
async fn silences_and_bans_end_by_themselves_whoever_was_started_since() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let bob = stage.member("bob", &room).await;
    let carol = stage.member("carol", &room).await;
    let now = stage.now_ms();
    stage.call(&alice, room.server, &silence(&bob, 60)).await;
    let mute = MuteMember {
        nonce: "mute".to_owned(),
        channel_id: room.channel,
        user_id: bob.user(),
        duration: 90,
        reason: String::new(),
    };
    stage.call(&alice, room.server, &mute).await;
    let ban = BanUser {
        nonce: "ban".to_owned(),
        user_id: carol.user(),
        reason: String::new(),
        duration: Some(60),
        delete_hours: 0,
    };
    stage.call(&alice, room.server, &ban).await;
    let code = "INSERT INTO invites (code, server, creator) VALUES ('code', ";
    stage
        .execute(&format!("{code}{}, {})", room.server, alice.id))
        .await;
    let join = |nonce: &str| JoinMember {
        nonce: nonce.to_owned(),
        code: "code".to_owned(),
    };
    for (after, may_speak, may_join) in [(59, false, false), (60, false, true), (90, true, true)] {
        stage.stop_lanes().await;
        stage.clock.set(now + after * 1_000);
        stage.start_lanes(1);
        let said = stage.post_message(&bob, &room, &format!("n-{after}"), "hello");
        let said = stage.try_answer::<MessageSent>(said).await;
        assert_eq!(
            said.map(drop),
            may_speak.then_some(()).ok_or(Reason::Forbidden)
        );
        let joined = stage.post(&carol, room.server, &join(&format!("join-{after}")));
        let joined = stage.try_answer::<ServerInfo>(joined).await.map(drop);
        let due = match (may_join, after) {
            (false, _) => Err(Reason::Banned),
            (true, 60) => Ok(()),
            (true, _) => Err(Reason::AlreadyMember),
        };
        assert_eq!(joined, due);
    }
    // What ended goes with what is set next.
    stage.call(&alice, room.server, &silence(&carol, 60)).await;
    stage.counts("silences", 1).await;
}

#[tokio::test]
async fn who_may_everything_is_silenced_by_nobody() {
    let (mut stage, [alice, bob, carol], room, [low, _, high]) = ranked().await;
    stage.stop_lanes().await;
    let bits = |of: RoleId, bits: Permissions| {
        format!(
            "UPDATE roles SET permissions = {} WHERE id = {of}",
            bits.sql()
        )
    };
    stage.execute(&bits(low, Permissions::ADMINISTRATOR)).await;
    stage
        .execute(&bits(high, Permissions::TIMEOUT_MEMBERS))
        .await;
    stage.start_lanes(1);
    stage.call(&alice, room.server, &silence(&carol, 60)).await;
    // Somebody who comes to be an administrator speaks again.
    stage.call(&alice, room.server, &set(&carol, &[low])).await;
    stage.send(&carol, &room, "n", "hello").await;
    let again = stage.post(&alice, room.server, &silence(&carol, 90));
    stage.refused(again, Reason::Forbidden).await;
    // Rank protects, too: Bob is below who has the highest role.
    stage.call(&alice, room.server, &set(&carol, &[high])).await;
    for (who, whom) in [(&carol, &alice), (&bob, &carol)] {
        let posted = stage.post(who, room.server, &silence(whom, 30));
        stage.refused(posted, Reason::Forbidden).await;
    }
}

#[tokio::test]
async fn a_ban_takes_messages_along_for_who_manages_messages_and_says_so() {
    let (mut stage, [_, bob, carol], room, [_, own, _]) = ranked().await;
    stage.stop_lanes().await;
    let bits = Permissions::BAN_MEMBERS | Permissions::MANAGE_ROLES;
    let bits = |more| {
        format!(
            "UPDATE roles SET permissions = {} WHERE id = {own}",
            (bits | more).sql()
        )
    };
    stage.execute(&bits(Permissions::empty())).await;
    stage.start_lanes(1);
    let ban = BanUser {
        nonce: "ban".to_owned(),
        user_id: carol.user(),
        reason: "spam".to_owned(),
        duration: None,
        delete_hours: 24,
    };
    let posted = stage.post(&bob, room.server, &ban);
    stage.refused(posted, Reason::Forbidden).await;
    stage.stop_lanes().await;
    stage.execute(&bits(Permissions::MANAGE_MESSAGES)).await;
    stage.start_lanes(1);
    let code = "INSERT INTO invites (code, server, creator) VALUES ('carols', ";
    stage
        .execute(&format!("{code}{}, {})", room.server, carol.id))
        .await;
    stage.call(&bob, room.server, &ban).await;
    let said = "SELECT (after LIKE '%24%' AND after NOT LIKE '%spam%')::text FROM audit_entries";
    stage.finds(said, ["true"]).await;
    // Nobody comes in by her codes, either.
    stage.counts("invites WHERE revoked", 1).await;
}

#[tokio::test]
async fn what_a_banned_account_said_goes_in_slices_and_no_further_back() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let bob = stage.member("bob", &room).await;
    stage.stop_lanes().await;
    let (channel, hour) = (room.channel, 3_600_000);
    let now = stage.now_ms();
    // An id for each second of the last 20 minutes, and of 20 minutes a day before.
    stage
        .execute(&format!(
            "INSERT INTO messages (channel, seq, id, author, content)
             SELECT {channel}, n, ({now} - {EPOCH_MS} - 24 * {hour} * (n <= 1200)::int
                        + (n % 1200 - 1200) * 1000) * 4096 + {channel} % 4096 / 64 * 64,
                    CASE n % 2 WHEN 0 THEN {} ELSE {} END, 'said'
             FROM generate_series(1::bigint, 2400) n;
             UPDATE channels SET last_seq = 2400 WHERE id = {channel}",
            alice.id, bob.id
        ))
        .await;
    stage.start_lanes(1);
    let ban = BanUser {
        nonce: "ban".to_owned(),
        user_id: bob.user(),
        reason: String::new(),
        duration: None,
        delete_hours: 1,
    };
    // Twice is once: the second ban only widens what is under way.
    let again = BanUser {
        nonce: "again".to_owned(),
        ..ban.clone()
    };
    for ban in [&ban, &again] {
        stage.post(&alice, room.server, ban);
    }
    stage.flush().await;
    stage.until_counts("messages WHERE deleted", 600).await;
    stage.until_counts("internal_outbox", 0).await;
    stage.counts("deletions", 0).await;
    stage
        .counts(
            &format!("messages WHERE deleted AND author = {}", bob.id),
            600,
        )
        .await;
    // Four slices of 250 messages with 125 of his, and one of 200; an event tells a hundred.
    stage
        .counts(
            &format!("events WHERE opcode = {}", MessagesDeleted::OPCODE),
            9,
        )
        .await;
}
