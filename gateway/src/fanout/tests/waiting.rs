//! What a topic waits for: its structure, and what sessions wait for with it.

use super::*;

#[test]
fn a_new_topic_waits_for_its_structure_and_is_read_once_it_is_subscribed() {
    let now = Instant::now();
    let mut router = router(now);
    let first = want(&mut router, 2, (TOPIC, 5), Some(standing(2, 0)), now);
    assert_eq!(
        std::mem::take(&mut router.jobs),
        [Fetch::Structures(vec![(TOPIC, Vec::new())])]
    );
    // What is heard meanwhile waits.
    router.take_event(envelope(TOPIC, 7, None), now);
    assert_eq!(told(&mut router), Vec::<String>::new());
    router.apply_structures(&[TOPIC], Ok((EPOCH, vec![open(TOPIC, 6)])), now);
    assert_eq!(position(first), Some(7));
    assert_eq!(told(&mut router), ["join 2"]);
    router.note_subscribed(&[TOPIC], now);
    assert_eq!(router.jobs, [Fetch::Heads(vec![(TOPIC, 7)])]);
    router.apply_heads(&[(TOPIC, 7)], Ok(heads(9)), now);
    assert_eq!(router.jobs.pop(), Some(repair(7)));
    router.take_event(envelope(TOPIC, 8, None), now);
    router.finish_repair(TOPIC, 7, Ok(log(&[8, 9], 9)), now);
    assert_eq!(told(&mut router), ["8", "9"]);
    // Whoever comes later joins at its place, but not before it has come so far.
    assert_eq!(attach(&mut router, 4, (TOPIC, 8), true, now), 9);
    let ahead = want(&mut router, 6, (TOPIC, 10), Some(standing(6, 0)), now);
    router.tick(now + GRACE);
    assert_eq!(router.jobs.pop(), Some(repair(9)));
    router.take_event(envelope(TOPIC, 10, None), now);
    assert_eq!(position(ahead), Some(10));
}

#[test]
fn who_waits_too_long_goes_on_without_what_is_late() {
    let now = Instant::now();
    let mut router = router(now);
    let mut answer = want(&mut router, 2, (TOPIC, 5), Some(standing(2, 0)), now);
    router.tick(now + Duration::from_secs(9));
    assert!(
        answer
            .try_recv()
            .is_err_and(|error| error == oneshot::error::TryRecvError::Empty)
    );
    router.tick(now + Duration::from_secs(10));
    assert!(matches!(answer.try_recv().unwrap()[..], [Attached::Late]));
    router.apply_structures(&[TOPIC], Err(Reason::Unavailable.into()), now);
    assert!(router.topics.is_empty(), "and so is the topic");
}

/// A session of account 8 that wants its own topic and a server's.
fn own_and_server() -> (
    Attach,
    oneshot::Sender<Vec<Attached>>,
    oneshot::Receiver<Vec<Attached>>,
) {
    let topics = [(8, None), (TOPIC, Some(standing(8, 0)))];
    let attach = Attach {
        connection: connection(8),
        caller: Caller {
            kind: CallerKind::Person,
            user: user(8),
            session: SessionId::new(8).unwrap(),
        },
        epoch: Some(EPOCH),
        topics: topics
            .map(|(topic, standing)| AttachTopic {
                topic,
                head: 0,
                place: 0,
                standing,
                cause: Cause::Open,
            })
            .into(),
    };
    let (reply, answer) = oneshot::channel();
    (attach, reply, answer)
}

#[test]
fn what_a_waiting_session_will_need_is_not_forgotten() {
    let now = Instant::now();
    let mut router = router(now);
    let (attach, reply, answer) = own_and_server();
    router.attach_session(attach, reply, now);
    let mut later = now;
    for _ in 0..9 {
        later += Duration::from_secs(1);
        router.tick(later);
    }
    router.apply_structures(&[TOPIC], Ok((EPOCH, vec![open(TOPIC, 0)])), later);
    assert_eq!(
        position(answer),
        Some(0),
        "the account's own topic is still there"
    );
}

#[test]
fn a_server_that_cannot_be_read_keeps_nobody_from_other_topics() {
    let now = Instant::now();
    let mut router = router(now);
    let (attach, reply, mut answer) = own_and_server();
    router.attach_session(attach, reply, now);
    let later = now + Duration::from_secs(10);
    router.apply_structures(&[TOPIC], Err(Reason::Unavailable.into()), later);
    router.tick(later);
    assert!(matches!(
        answer.try_recv().unwrap()[..],
        [Attached::At { .. }, Attached::Late]
    ));
    router.take_event(envelope(8, 1, None), later);
    assert_eq!(told(&mut router), ["join 8", "1"]);
}

#[test]
fn nobody_goes_on_without_the_topic_of_the_account() {
    let now = Instant::now();
    let mut router = router(now);
    assert_eq!(attach(&mut router, 8, (8, 0), false, now), 0);
    // The snapshot of the second session is further than what was heard.
    let mut answer = want(&mut router, 8, (8, 5), None, now);
    router.tick(now + Duration::from_secs(9));
    let waiting = Err(oneshot::error::TryRecvError::Empty);
    assert_eq!(answer.try_recv().map(drop), waiting);
    router.tick(now + Duration::from_secs(10));
    let ended = Err(oneshot::error::TryRecvError::Closed);
    assert_eq!(answer.try_recv().map(drop), ended);
}

#[test]
fn a_question_that_fails_is_asked_in_smaller_parts() {
    let now = Instant::now();
    let mut router = router(now);
    for n in 1..=100 {
        drop(want(
            &mut router,
            n,
            (TOPIC + n, 0),
            Some(standing(n, 0)),
            now,
        ));
    }
    let mut most = Vec::new();
    let mut now = now;
    for _ in 0..8 {
        now += Duration::from_secs(1);
        router.tick(now);
        for job in std::mem::take(&mut router.jobs) {
            let Fetch::Structures(asked) = job else {
                continue;
            };
            let asked: Vec<u64> = asked.into_iter().map(|(number, _)| number).collect();
            most.push(asked.len());
            router.apply_structures(&asked, Err(Reason::Unavailable.into()), now);
        }
        now += Duration::from_secs(1);
    }
    assert_eq!(most.last(), Some(&1), "{most:?}");
}

#[test]
fn a_missing_change_and_an_unknown_effect_are_read_anew() {
    for effect in [Some(rights(7, sees(2))), None] {
        let now = Instant::now();
        let mut router = quiet(TOPIC, true, now);
        let mut event = envelope(TOPIC, 1, effect);
        event.effect.get_or_insert_with(|| ByteBuf::from([0xc1]));
        router.take_event(event, now);
        router.take_event(envelope(TOPIC, 2, None), now);
        assert_eq!(told(&mut router), Vec::<String>::new());
        assert_eq!(
            std::mem::take(&mut router.jobs),
            [Fetch::Structures(vec![(TOPIC, vec![user(2)])])]
        );
        router.apply_structures(&[TOPIC], Err(Reason::Unavailable.into()), now);
        let now = now + Duration::from_secs(1);
        router.tick(now);
        assert_eq!(router.jobs.len(), 1, "asked again");
        let answer = OpenStructure {
            standings: vec![standing(2, 0)],
            ..open(TOPIC, 1)
        };
        router.apply_structures(&[TOPIC], Ok((EPOCH, vec![answer])), now);
        assert_eq!(
            told(&mut router),
            ["rights, 0 turned, 1 moved", "gap 1", "2"]
        );
    }
}

#[test]
fn a_standing_that_changed_since_the_snapshot_is_stale() {
    let now = Instant::now();
    let mut router = quiet(TOPIC, true, now);
    let left = vec![Change::Left {
        user: user(4),
        since: 0,
        roles: Vec::new(),
    }];
    router.take_event(envelope(TOPIC, 1, Some(rights(0, left))), now);
    let mut answer = want(&mut router, 4, (TOPIC, 0), Some(standing(4, 0)), now);
    assert!(matches!(answer.try_recv().unwrap()[..], [Attached::Stale]));
    // Others are not concerned.
    assert_eq!(
        position(want(&mut router, 6, (TOPIC, 0), Some(standing(6, 0)), now)),
        Some(1)
    );
}

#[test]
fn a_topic_that_was_forgotten_while_it_waited_is_asked_about_once() {
    let now = Instant::now();
    let mut router = router(now);
    // As many questions as may be asked at once: the next topic waits for its turn.
    for n in 1..=4 {
        drop(want(
            &mut router,
            n,
            (TOPIC + n, 0),
            Some(standing(n, 0)),
            now,
        ));
    }
    drop(want(&mut router, 5, (TOPIC, 0), Some(standing(5, 0)), now));
    let mut later = now;
    while router.topics.contains_key(&TOPIC) {
        later += TICK;
        assert!(later < now + Duration::from_secs(9), "its session is gone");
        router.tick(later);
    }
    let answer = want(&mut router, 6, (TOPIC, 0), Some(standing(6, 0)), later);
    router.jobs.clear();
    let other = Ok((EPOCH, vec![open(TOPIC + 1, 0)]));
    router.apply_structures(&[TOPIC + 1], other, later);
    assert_eq!(
        std::mem::take(&mut router.jobs),
        [Fetch::Structures(vec![(TOPIC, Vec::new())])]
    );
    router.apply_structures(&[TOPIC], Ok((EPOCH, vec![open(TOPIC, 0)])), later);
    assert_eq!(position(answer), Some(0));
    assert_eq!(told(&mut router), ["join 6"], "and nobody is closed");
}
