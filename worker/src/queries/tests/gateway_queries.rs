//! What gateways ask for: openings, pages of events, changes of rights, structures.

use shared::{
    bus::envelope::{Effect, NodeAnswer, NodeQuery, OpenTopic, Opened, epoch_number},
    domain::rights::Change,
    protocol::{Event as _, control::TopicSeq, message::MessageCreated},
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

    /// Tells of messages in the server's topic.
    async fn tell_messages(&self, count: usize) {
        for _ in 0..count {
            self.event(SERVER, MESSAGE, None, &[0xc0]).await;
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
        let query = NodeQuery::Events {
            topic,
            after,
            bytes: 1024 * 1024,
        };
        match self.node(&query).await {
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
    assert_eq!(opened.topics[0].standing, None);
    let standing = opened.topics[1].standing.as_ref().unwrap();
    assert_eq!(standing.user, opened.caller.user);
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
    chat.tell_messages(5).await;
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
async fn a_place_from_before_the_membership_is_a_gap() {
    let chat = Chat::new().await;
    let token = chat.session(BOB).await;
    chat.tell_messages(5).await;
    chat.run(&format!(
        "UPDATE members SET since = 3 WHERE account = {BOB}"
    ))
    .await;
    assert_eq!(fate(&chat.resume(&token, 2).await), (None, true));
    assert_eq!(fate(&chat.resume(&token, 3).await), (Some(3), false));
}

fn rights(follows: u64, changes: Vec<Change>) -> Effect {
    Effect::Rights { follows, changes }
}

#[tokio::test]
async fn changes_of_rights_are_read_without_what_was_said_between() {
    let chat = Chat::new().await;
    let owner = |before, after| Change::Owner {
        before: id(before),
        after: id(after),
    };
    let effects = [
        rights(0, vec![owner(ALICE, BOB)]),
        rights(2, vec![owner(BOB, ALICE)]),
    ];
    for effect in &effects {
        chat.event(SERVER, MESSAGE, None, &[0xc0]).await;
        chat.event(SERVER, 8, Some(effect), &[0xc0]).await;
    }
    let changes = async |after, until| {
        let query = NodeQuery::Changes {
            topic: SERVER,
            after,
            until,
        };
        match chat.node(&query).await {
            NodeAnswer::Changes(Some(list)) => list
                .into_iter()
                .map(|(seq, effect)| (seq, Effect::read(&effect)))
                .collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    let [first, second] = effects;
    assert_eq!(
        changes(0, 4).await,
        [(2, first.clone()), (4, second.clone())]
    );
    assert_eq!(changes(0, 3).await, [(2, first)]);
    assert_eq!(changes(2, 4).await, [(4, second)]);
    // More than a replay undoes.
    chat.run(
        "INSERT INTO events (topic, seq, day, partition, position, opcode, effect, body)
         SELECT 100, n, '2026-03-01', 0, n, 16, '\\xc0', '\\xc0' FROM generate_series(100, 1100) n",
    )
    .await;
    let query = NodeQuery::Changes {
        topic: SERVER,
        after: 99,
        until: 2_000,
    };
    assert_eq!(chat.node(&query).await, NodeAnswer::Changes(None));
}

#[tokio::test]
async fn what_the_log_no_longer_holds_is_too_old() {
    let chat = Chat::new().await;
    let token = chat.session(BOB).await;
    chat.tell_messages(5).await;
    chat.run("DELETE FROM events WHERE seq <= 2").await;
    // Who reads finds out.
    assert_eq!(fate(&chat.resume(&token, 0).await), (Some(0), false));
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
    assert_eq!(chat.events(SERVER, 4).await, (vec![], 5, true));
    assert_eq!(chat.events(SERVER, 5).await, (vec![], 5, false));
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

    let left = Change::Left {
        user: id(CAROL),
        since: 0,
        roles: Vec::new(),
    };
    let effect = rights(0, vec![left]);
    chat.event(SERVER, 6, Some(&effect), &[0x91, 3]).await;
    let query = NodeQuery::Events {
        topic: SERVER,
        after: 2_500,
        bytes: 1,
    };
    let NodeAnswer::Events { events, .. } = chat.node(&query).await else {
        panic!("no events");
    };
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].topic, events[0].seq), (SERVER, 2_501));
    assert_eq!(events[0].effect(), Some(effect));
    assert_eq!((events[0].opcode, &events[0].body[..]), (6, &[0x91, 3][..]));
}

#[tokio::test]
async fn a_structure_shows_what_the_standing_permits() {
    let chat = Chat::new().await;
    let everyone: Vec<_> = [ALICE, BOB, CAROL, DAVE].map(id).into();
    let query = NodeQuery::Structures {
        servers: vec![(server(), everyone), (id(999), Vec::new())],
    };
    let NodeAnswer::Structures { servers, .. } = chat.node(&query).await else {
        panic!("no structures");
    };
    let [open] = &servers[..] else {
        panic!("{servers:?}");
    };
    assert_eq!((open.head, open.version, open.settled), (0, 0, 0));
    let mut seen: Vec<(u64, Vec<u64>)> = open
        .standings
        .iter()
        .map(|standing| {
            let sight = open.structure.sight(standing);
            let sight = sight.iter().map(|channel| channel.get()).collect();
            (standing.user.get(), sight)
        })
        .collect();
    seen.sort();
    // Dave is no member.
    let all = vec![OPEN, SECRET, SILENT];
    assert_eq!(
        seen,
        [
            (ALICE, all.clone()),
            (BOB, all),
            (CAROL, vec![OPEN, SILENT])
        ]
    );
    let query = |user, server| NodeQuery::Topic {
        user: id(user),
        server,
    };
    let NodeAnswer::Topic(Some(topic)) = chat.node(&query(BOB, server())).await else {
        panic!("no topic");
    };
    assert!(open.standings.contains(&topic.standing.unwrap()));
    for nobody in [query(DAVE, server()), query(BOB, id(999))] {
        assert_eq!(chat.node(&nobody).await, NodeAnswer::Topic(None));
    }
}

#[tokio::test]
async fn heads_of_topics_that_exist() {
    let chat = Chat::new().await;
    chat.event(SERVER, MESSAGE, None, &[0xc0]).await;
    let topics = vec![SERVER, OTHER_SERVER, 0, u64::MAX];
    let NodeAnswer::Heads { topics, epoch, .. } = chat.node(&NodeQuery::Heads { topics }).await
    else {
        panic!("no heads");
    };
    let head = TopicSeq {
        topic: SERVER,
        seq: 1,
    };
    assert_eq!(topics, [head]);
    let token = chat.session(BOB).await;
    assert_eq!(epoch, epoch_number(&chat.opened(&token, None).await.epoch));
}
