//! What gateways ask for: resume decisions, pages of events, views.

use shared::{
    bus::envelope::{Effect, NodeAnswer, NodeQuery, OpenTopic, Opened},
    frame,
    protocol::{
        Event as _,
        channel::ChannelDeleted,
        control::TopicSeq,
        encode,
        message::MessageCreated,
        server::MemberJoined,
        user::{Member, User},
    },
    wire::Wire as _,
};

use super::chat::{
    ALICE, BOB, CAROL, Chat, DAVE, OPEN, OTHER_SERVER, SECRET, SERVER, SILENT, id, server,
};

const MESSAGE: u16 = MessageCreated::OPCODE;

impl Chat {
    async fn opened(&self, token: &str, resume: Option<(String, Vec<TopicSeq>)>) -> Opened {
        let query = NodeQuery::Open {
            token: token.to_owned(),
            resume,
        };
        match self.node(&query).await {
            NodeAnswer::Opened(opened) => opened,
            other => panic!("{other:?}"),
        }
    }

    /// Bob resumes the server's topic from `seq`.
    async fn resume(&self, token: &str, seq: u64) -> OpenTopic {
        let epoch = self.opened(token, None).await.epoch;
        let places = vec![TopicSeq { topic: SERVER, seq }];
        let opened = self.opened(token, Some((epoch, places))).await;
        topic(&opened, SERVER)
    }

    async fn events(&self, topic: u64, after: u64) -> (Vec<u64>, u64, bool) {
        match self.node(&NodeQuery::Events { topic, after }).await {
            NodeAnswer::Events {
                events,
                head,
                too_old,
            } => (
                events.iter().map(|event| event.seq).collect(),
                head,
                too_old,
            ),
            other => panic!("{other:?}"),
        }
    }
}

fn topic(opened: &Opened, topic: u64) -> OpenTopic {
    let found = opened.topics.iter().find(|open| open.topic == topic);
    found.unwrap().clone()
}

fn joined(user: u64) -> Vec<u8> {
    encode(&MemberJoined {
        member: Member {
            user: User {
                user_id: id(user),
                ..User::sample()
            },
            roles: Vec::new(),
        },
    })
}

/// What became of a place: where the replay begins, and whether there is a gap.
fn fate(open: &OpenTopic) -> (Option<u64>, bool) {
    (open.replay_after, open.gap)
}

#[tokio::test]
async fn a_session_opens_with_everything_it_needs() {
    let chat = Chat::new().await;
    let token = chat.session(CAROL).await;
    chat.event(SERVER, MESSAGE, None, &[0xc0]).await;
    let opened = chat.opened(&token, None).await;
    assert_eq!(opened.caller.user, id::<shared::ids::User>(CAROL));
    assert_eq!(opened.user.name, "carol");
    assert_eq!(opened.servers.len(), 1);
    let topics: Vec<(u64, u64)> = opened
        .topics
        .iter()
        .map(|open| (open.topic, open.head))
        .collect();
    assert_eq!(topics, [(CAROL, 0), (SERVER, 1)]);
    assert!(opened.topics[0].view.is_none());
    let (_, view) = opened.topics[1].view.as_ref().unwrap();
    let seen: Vec<u64> = view.keys().map(|channel| channel.get()).collect();
    assert_eq!(seen, [OPEN, SILENT]);
    assert!(opened.topics.iter().all(|open| fate(open) == (None, false)));
    // The system, its timeline, and the deployment's own name.
    assert_eq!(opened.epoch.split('-').count(), 3, "{}", opened.epoch);
    assert!(opened.epoch.ends_with("-1-x"), "{}", opened.epoch);

    let identify = |token: String| NodeQuery::Identify { token };
    assert_eq!(
        chat.node(&identify(token)).await,
        NodeAnswer::Identified(opened.caller)
    );
    for token in [String::new(), "x".repeat(64)] {
        assert_eq!(
            chat.node(&identify(token)).await,
            NodeAnswer::Unauthenticated
        );
    }
}

#[tokio::test]
async fn a_resume_continues_or_gets_a_gap() {
    let chat = Chat::new().await;
    let token = chat.session(BOB).await;
    for _ in 0..5 {
        chat.event(SERVER, MESSAGE, None, &[0xc0]).await;
    }
    for (seq, expected) in [
        (0, (Some(0), false)),
        (3, (Some(3), false)),
        (5, (Some(5), false)),
        // The log went back behind the client.
        (6, (None, true)),
        (u64::MAX, (None, true)),
    ] {
        assert_eq!(fate(&chat.resume(&token, seq).await), expected, "{seq}");
    }
    // Another log.
    let place = vec![TopicSeq {
        topic: SERVER,
        seq: 3,
    }];
    let opened = chat.opened(&token, Some(("other".to_owned(), place))).await;
    assert_eq!(fate(&topic(&opened, SERVER)), (None, true));
    assert_eq!(fate(&topic(&opened, BOB)), (None, false));
    let before = opened.epoch;
    chat.run("UPDATE deployment SET epoch = 'y'").await;
    assert_ne!(chat.opened(&token, None).await.epoch, before);
    // Topics that are not his are passed over.
    let epoch = chat.opened(&token, None).await.epoch;
    let foreign = [OTHER_SERVER, DAVE, 0, u64::MAX].map(|topic| TopicSeq { topic, seq: 0 });
    let opened = chat.opened(&token, Some((epoch, foreign.into()))).await;
    assert_eq!(opened.topics.len(), 2);
    assert!(opened.topics.iter().all(|open| fate(open) == (None, false)));
}

#[tokio::test]
async fn a_resume_never_crosses_a_change_of_rights() {
    let chat = Chat::new().await;
    let token = chat.session(BOB).await;
    let replays = (Some(1), false);
    let gap = (None, true);
    let deleted = encode(&ChannelDeleted {
        channel_id: id(OPEN),
    });
    let rights = |members: &[u64]| Effect::Rights {
        members: members.iter().map(|user| id(*user)).collect(),
    };
    let left = |user| Effect::Left { user: id(user) };
    let appeared = Effect::Appeared {
        members: vec![id(BOB)],
    };
    for (opcode, effect, body, expected) in [
        (MESSAGE, None, vec![0xc0], replays),
        (8, Some(rights(&[])), vec![0xc0], gap),
        (8, Some(rights(&[BOB])), vec![0xc0], gap),
        // Only Carol's view has another name, but everyone's may hold other things.
        (8, Some(rights(&[CAROL])), vec![0xc0], gap),
        (7, Some(appeared), vec![0xc0], replays),
        (6, Some(left(CAROL)), vec![0xc0], replays),
        (6, Some(left(BOB)), vec![0xc0], gap),
        (MemberJoined::OPCODE, None, joined(CAROL), replays),
        (MemberJoined::OPCODE, None, joined(BOB), gap),
        (MemberJoined::OPCODE, None, vec![0xc0], gap),
        (ChannelDeleted::OPCODE, None, deleted, gap),
    ] {
        chat.run("TRUNCATE events, topics").await;
        chat.event(SERVER, MESSAGE, None, &[0xc0]).await;
        chat.event(SERVER, opcode, effect.as_ref(), &body).await;
        chat.event(SERVER, MESSAGE, None, &[0xc0]).await;
        let what = format!("{opcode} {effect:?}");
        assert_eq!(fate(&chat.resume(&token, 1).await), expected, "{what}");
        // What was seen already is not crossed.
        assert_eq!(
            fate(&chat.resume(&token, 2).await),
            (Some(2), false),
            "{what}"
        );
    }
}

#[tokio::test]
async fn an_effect_that_nobody_understands_is_a_gap() {
    let chat = Chat::new().await;
    let token = chat.session(BOB).await;
    chat.event(SERVER, MESSAGE, None, &[0xc0]).await;
    chat.run("UPDATE events SET effect = '\\xc1'").await;
    assert_eq!(fate(&chat.resume(&token, 0).await), (None, true));
}

#[tokio::test]
async fn what_the_log_no_longer_holds_is_too_old() {
    let chat = Chat::new().await;
    let token = chat.session(BOB).await;
    for _ in 0..5 {
        chat.event(SERVER, MESSAGE, None, &[0xc0]).await;
    }
    chat.run("DELETE FROM events WHERE seq <= 2").await;
    for (seq, expected) in [(0, (None, true)), (1, (None, true)), (2, (Some(2), false))] {
        assert_eq!(fate(&chat.resume(&token, seq).await), expected, "{seq}");
    }
    assert_eq!(chat.events(SERVER, 1).await, (vec![], 5, true));
    assert_eq!(chat.events(SERVER, 2).await, (vec![3, 4, 5], 5, false));
    assert_eq!(chat.events(SERVER, 5).await, (vec![], 5, false));
    assert_eq!(chat.events(SERVER, u64::MAX).await, (vec![], 5, false));
    assert_eq!(chat.events(999, 0).await, (vec![], 0, false));
    // Nothing is served from beyond a hole.
    chat.run("DELETE FROM events WHERE seq = 4").await;
    assert_eq!(chat.events(SERVER, 2).await, (vec![3], 5, false));
    assert_eq!(chat.events(SERVER, 3).await, (vec![], 5, true));
    // Nothing is left at all, but there was something.
    chat.run("DELETE FROM events").await;
    assert_eq!(fate(&chat.resume(&token, 4).await), (None, true));
    assert_eq!(fate(&chat.resume(&token, 5).await), (Some(5), false));
}

#[tokio::test]
async fn events_come_in_pages_as_they_were_published() {
    let chat = Chat::new().await;
    chat.run(
        "INSERT INTO topics VALUES (100, 2500);
         INSERT INTO events (topic, seq, day, partition, position, opcode, channel, body)
         SELECT 100, n, '2026-03-01', 0, n, 16, 101, '\\xc0' FROM generate_series(1, 2500) n",
    )
    .await;
    let (first, head, _) = chat.events(SERVER, 0).await;
    assert_eq!((first.len(), first[999], head), (1_000, 1_000, 2_500));
    assert_eq!(chat.events(SERVER, 2_000).await.0.len(), 500);
    // 16 bodies of 64 KiB fill a page.
    chat.run("UPDATE events SET body = convert_to(repeat('x', 65536), 'UTF8') WHERE seq <= 20")
        .await;
    let (first, _, too_old) = chat.events(SERVER, 0).await;
    assert_eq!((first.len(), too_old), (15, false));
    // A single event may be larger than a page.
    chat.run("UPDATE events SET body = convert_to(repeat('x', 2000000), 'UTF8') WHERE seq = 1")
        .await;
    assert_eq!(chat.events(SERVER, 0).await.0, [1]);

    let effect = Effect::Left { user: id(CAROL) };
    chat.event(SERVER, 6, Some(&effect), &[0x91, 3]).await;
    let query = NodeQuery::Events {
        topic: SERVER,
        after: 2_500,
    };
    let NodeAnswer::Events { events, .. } = chat.node(&query).await else {
        panic!("no events");
    };
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].topic, events[0].seq), (SERVER, 2_501));
    assert_eq!(events[0].effect, Some(effect));
    assert_eq!(
        frame::websocket_payload(&events[0].frame),
        Some(&frame::event(SERVER, 2_501, 6, &[0x91, 3])[..])
    );
}

#[tokio::test]
async fn views_have_the_same_name_whoever_asks() {
    let chat = Chat::new().await;
    let everyone = [ALICE, BOB, CAROL, DAVE];
    let query = NodeQuery::Views {
        server: server(),
        seq: 0,
        users: everyone.iter().map(|user| id(*user)).collect(),
    };
    let NodeAnswer::Views {
        members,
        views,
        seq,
    } = chat.node(&query).await
    else {
        panic!("no views");
    };
    assert_eq!(seq, 0);
    // Dave is no member; the owner and Bob, whom an override names, have their own.
    assert_eq!((members.len(), views.len()), (3, 3));
    for (user, view) in &members {
        let query = NodeQuery::Topic {
            user: *user,
            server: server(),
        };
        let NodeAnswer::Topic(Some(open)) = chat.node(&query).await else {
            panic!("no topic");
        };
        let (id, seen) = open.view.unwrap();
        assert_eq!(id, *view);
        assert!(views.contains(&(id, seen)));
        let token = chat.session(user.get()).await;
        let opened = topic(&chat.opened(&token, None).await, SERVER);
        assert_eq!(opened.view.unwrap().0, *view);
    }
    // Carol and a new member with the same roles share one.
    chat.run("INSERT INTO members VALUES (100, 4)").await;
    let NodeAnswer::Views { members, views, .. } = chat.node(&query).await else {
        panic!("no views");
    };
    assert_eq!((members.len(), views.len()), (4, 3));
    let secret = views
        .iter()
        .filter(|(_, view)| view.contains_key(&id(SECRET)));
    assert_eq!(secret.count(), 2);

    let unknown = NodeQuery::Topic {
        user: id(DAVE),
        server: id(999),
    };
    assert_eq!(chat.node(&unknown).await, NodeAnswer::Topic(None));
}

#[tokio::test]
async fn heads_of_topics_that_exist() {
    let chat = Chat::new().await;
    chat.event(SERVER, MESSAGE, None, &[0xc0]).await;
    let topics = vec![SERVER, OTHER_SERVER, 0, u64::MAX];
    assert_eq!(
        chat.node(&NodeQuery::Heads { topics }).await,
        NodeAnswer::Heads {
            topics: vec![TopicSeq {
                topic: SERVER,
                seq: 1
            }]
        }
    );
}
