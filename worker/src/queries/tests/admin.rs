//! What an administrator sees of the deployment.

use std::time::Duration;

use shared::{
    bus::node::{Node, NodeLease},
    error::Reason,
    presence::{Accounts, Told},
    protocol::{
        Request as _,
        admin::{DeploymentStatus, GetDeploymentStatus, NodeKind, NodeStatus},
        encode,
        presence::PresenceState,
    },
};

use super::chat::{ALICE, BOB, CAROL, Chat, OPEN, id, keys};

async fn status(chat: &Chat) -> DeploymentStatus {
    chat.ask(ALICE, 0, GetDeploymentStatus {}).await.unwrap()
}

async fn runs(chat: &Chat, kind: NodeKind, process: &str, node: &Node) {
    ran(chat, kind, process, node, Duration::from_secs(10)).await;
}

async fn ran(chat: &Chat, kind: NodeKind, process: &str, node: &Node, ttl: Duration) {
    let lease = NodeLease {
        kind,
        process: process.to_owned(),
        ttl,
    };
    lease.renew(&chat.deps.bus, &keys(), node).await.unwrap();
}

fn node(name: &str, load: u32, backlog: u64) -> Node {
    Node {
        name: name.to_owned(),
        version: "1.2.3".to_owned(),
        since_ms: 5,
        load,
        backlog,
        told_ms: 6,
        ..Node::default()
    }
}

fn shown(kind: NodeKind, name: &str, told: Option<u32>) -> NodeStatus {
    NodeStatus {
        kind,
        name: name.to_owned(),
        version: told.map(|_| "1.2.3".to_owned()),
        since: told.map(|_| 5),
        load: told,
        gone: None,
    }
}

#[tokio::test]
async fn nodes_tell_what_they_are_and_those_of_before_are_shown_with_what_is_known() {
    let chat = Chat::new().await;
    assert_eq!(status(&chat).await.nodes, []);
    runs(&chat, NodeKind::Worker, "77", &node("worker-1", 64, 3)).await;
    runs(&chat, NodeKind::Gateway, "new~1", &node("new", 9, 0)).await;
    let ttl = Duration::from_secs(10);
    chat.deps
        .bus
        .renew_lease("workers", "5f", ttl)
        .await
        .unwrap();
    // Both gateways tell who is there; the lease of one of them says more.
    for (gateway, user) in [("new~1", ALICE), ("old~2", BOB)] {
        chat.deps.presence.change(|union| {
            union.hear(Told::Changes {
                gateway: gateway.to_owned(),
                number: 1,
                accounts: Accounts::new([(id(user), PresenceState::Online)]),
                at: 0,
            });
        });
    }
    let status = status(&chat).await;
    let due = [
        shown(NodeKind::Gateway, "new", Some(9)),
        shown(NodeKind::Gateway, "old", None),
        shown(NodeKind::Worker, "5f", None),
        shown(NodeKind::Worker, "worker-1", Some(64)),
    ];
    assert_eq!(status.nodes, due);
    assert_eq!((status.online, status.waiting_commands), (2, 3));
}

#[tokio::test]
async fn who_ended_without_a_word_is_said_to_be_gone_until_he_is_back() {
    let chat = Chat::new().await;
    for (kind, process, name) in [
        (NodeKind::Gateway, "g~1", "gateway-1"),
        (NodeKind::Worker, "9", "worker-1"),
    ] {
        ran(&chat, kind, process, &node(name, 5, 0), Duration::ZERO).await;
    }
    let gone = |kind, name| NodeStatus {
        load: None,
        gone: Some(6),
        ..shown(kind, name, Some(0))
    };
    let [gateway, worker] = [
        gone(NodeKind::Gateway, "gateway-1"),
        gone(NodeKind::Worker, "worker-1"),
    ];
    let both = [gateway, worker.clone()];
    assert_eq!(status(&chat).await.nodes, both);
    let again = node("gateway-1", 2, 0);
    runs(&chat, NodeKind::Gateway, "g~2", &again).await;
    let lives = shown(NodeKind::Gateway, "gateway-1", Some(2));
    assert_eq!(status(&chat).await.nodes, [lives, worker]);
}

#[tokio::test]
async fn what_is_little_is_counted_and_what_is_much_is_estimated() {
    let chat = Chat::new().await;
    let few = status(&chat).await;
    assert_eq!((few.accounts, few.servers, few.messages), (4, 2, 0));
    assert!(few.database_bytes > 1_000_000, "{}", few.database_bytes);
    assert!(few.epoch.ends_with("-x"), "{}", few.epoch);

    chat.messages(OPEN, 30, "words").await;
    chat.run("UPDATE messages SET deleted = true WHERE seq <= 10")
        .await;
    assert_eq!(status(&chat).await.messages, 20);

    chat.messages(202, 40_000, "words").await;
    assert_eq!(status(&chat).await.messages, 10_000, "nobody estimated yet");
    chat.run("ANALYZE messages").await;
    let many = status(&chat).await.messages;
    assert!((39_000..41_000).contains(&many), "{many}");
}

#[tokio::test]
async fn what_waits_is_told_and_what_waits_for_a_person_apart() {
    let chat = Chat::new().await;
    let idle = status(&chat).await;
    assert_eq!(
        (idle.oldest_work_ms, idle.parked, idle.unread_events),
        (0, 0, 0)
    );

    let minutes = |waited: u64| waited * 60_000..(waited + 1) * 60_000;
    chat.run(
        "INSERT INTO jobs (kind, body, due) VALUES ('later', '', now() + interval '1 hour'),
             ('due', '', now() - interval '5 min');
         INSERT INTO jobs (kind, body, due, parked) VALUES ('stuck', '', now() - interval '1 day', true)",
    )
    .await;
    let due = status(&chat).await;
    assert!(
        minutes(5).contains(&due.oldest_work_ms),
        "{}",
        due.oldest_work_ms
    );
    assert_eq!(due.parked, 1);

    chat.run(
        "INSERT INTO internal_outbox (target, source, number, opcode, scope, body, left_at)
         SELECT t, s, n, 1, 0, '', now() - n * interval '1 min' - s * interval '10 min'
         FROM generate_series(3, 4) t, generate_series(1, 3) s, generate_series(1, 2) n;
         INSERT INTO internal_inbox (target, source, parked) VALUES (3, 3, true), (4, 3, true);
         UPDATE partitions SET position = 50 WHERE id = 7;
         UPDATE consumers SET position = 50 WHERE partition = 7;
         INSERT INTO consumers (name, partition, position) VALUES ('redact', 7, 20)
             ON CONFLICT (name, partition) DO UPDATE SET position = 20",
    )
    .await;
    let behind = status(&chat).await;
    assert!(
        minutes(21).contains(&behind.oldest_work_ms),
        "{}",
        behind.oldest_work_ms
    );
    assert_eq!((behind.parked, behind.unread_events), (3, 30));
}

#[tokio::test]
async fn it_is_for_administrators_of_the_deployment() {
    let chat = Chat::new().await;
    let (opcode, body) = (
        GetDeploymentStatus::ROW.opcode,
        encode(&GetDeploymentStatus {}),
    );
    for account in [BOB, CAROL] {
        let reason = chat.refused(account, opcode, 0, body.clone()).await;
        assert_eq!(reason, Reason::Forbidden);
    }
    assert_eq!(
        chat.refused(0, opcode, 0, body).await,
        Reason::Unauthenticated
    );
}
