//! What is claimed, what waits, and what is forgotten.

use shared::protocol::notification::NotificationState;
use sqlx::AssertSqlSafe;
use tokio::time::timeout;

use super::*;
use crate::{
    fixture::database_and_pool,
    store::{
        notification::Notifications,
        redact::{Deleted, redact_messages},
    },
    support::postgres,
};

const SERVICE: &str = "push.example";
/// Milliseconds.
const WEEK: u64 = 7 * 86_400_000;

/// Tells the device 1 of the account 1 of a message.
fn push_of(topic: &str, message: i64) -> NewPush {
    let device = ToldDevice {
        account: 1.try_into().unwrap(),
        device: 1.try_into().unwrap(),
        service: SERVICE.to_owned(),
    };
    NewPush {
        device,
        body: b"body".to_vec(),
        topic: topic.to_owned(),
        urgency: 3,
        ttl_s: 600,
        message: Some(message.try_into().unwrap()),
        trace: None,
    }
}

/// Messages of a channel, as it is told that they are deleted.
fn deleted(messages: &[i64]) -> Deleted {
    let id = |number: &i64| (*number).try_into().unwrap();
    let messages = messages.iter().map(id).collect();
    (1.try_into().unwrap(), 1.try_into().unwrap(), messages)
}

/// A database with a device 1 of the account 1, and what sends.
struct Stage {
    pool: postgres::Pool,
    pushes: Pushes,
    notifications: Notifications,
}

impl Stage {
    async fn new() -> Self {
        let (options, pool) = database_and_pool().await;
        let stage = Self {
            pool,
            pushes: Pushes::new(options.clone()),
            notifications: Notifications::new(options),
        };
        stage.device(1, 1, "a").await;
        stage
    }

    async fn execute(&self, sql: &str) -> u64 {
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::query(sql)
            .execute(&self.pool)
            .await
            .unwrap()
            .rows_affected()
    }

    async fn count(&self, table: &str) -> i64 {
        let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    /// An account subscribes an address as a device, in a session of its own.
    async fn device(&self, account: u64, device: u64, address: &str) {
        self.execute(&format!(
            "INSERT INTO accounts (id, name, folded, nonce) VALUES ({account}, 'a{account}', 'a{account}', '')
                 ON CONFLICT DO NOTHING"
        ))
        .await;
        self.execute(&format!(
            "INSERT INTO sessions (id, account, token_hash, device, nonce) VALUES ({device}, {account}, 'h{device}', '', '{device}')"
        ))
        .await;
        self.execute(&format!(
            "INSERT INTO push_devices VALUES ({account}, {device}, {device}, 'https://push.example/{address}',
                 '{address}', 'p', 'a', 'v', '{SERVICE}', 'name')"
        ))
        .await;
        self.execute(&format!(
            "INSERT INTO push_addresses VALUES ('{address}', {device})"
        ))
        .await;
    }

    /// Leaves pushes to a device of the account 1.
    async fn leave(&self, device: u64, topic: &str, count: u32) {
        self.execute(&format!(
            "INSERT INTO pushes (account, device, service, body, topic)
             SELECT 1, {device}, '{SERVICE}', 'body', {topic} FROM generate_series(1, {count})"
        ))
        .await;
    }

    /// Leaves a push that tells a device 1 of the account 1 of a message, as notifications do.
    async fn insert(&self, topic: &str, message: i64) {
        let pushes = [push_of(topic, message)];
        let columns = NewPushColumns::new(&pushes);
        statement::execute(&self.pushes.pool, INSERT, &columns.parameters())
            .await
            .unwrap();
    }

    async fn postpone(&self, push: &Push, wait: Duration, is_shortened: bool) {
        let postponed = Postponement {
            push,
            wait,
            is_shortened,
        };
        self.pushes.postpone_pushes(&[postponed]).await.unwrap();
    }

    async fn fail(&self, target: &PushTarget, (is_gone, wait): (bool, Duration), now_ms: u64) {
        let failure = || PushFailure {
            target,
            is_gone,
            wait,
        };
        // Two at once are one.
        let failures = [failure(), failure()];
        self.pushes
            .note_failures(&failures, (now_ms, WEEK))
            .await
            .unwrap();
    }

    /// Claims and finishes all that are due, one after the other.
    async fn drain(&self) -> Vec<Push> {
        let mut told = Vec::new();
        loop {
            let claimed = self.claim(1, false).await;
            let Some(push) = claimed.into_iter().next() else {
                return told;
            };
            self.pushes.finish_pushes(&[push.claim]).await.unwrap();
            told.push(push);
        }
    }

    async fn sweep(&self) {
        let mut place = SweepPlace::default();
        self.pushes.sweep(&mut place).await.unwrap();
    }

    async fn claim(&self, most: i64, with_lapsed: bool) -> Vec<Push> {
        self.claim_in_order(most, (with_lapsed, false)).await
    }

    async fn claim_in_order(&self, most: i64, order: (bool, bool)) -> Vec<Push> {
        let most = [most];
        self.pushes
            .claim_pushes((&[SERVICE], &most), order)
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn a_push_is_claimed_by_one_until_its_lease_ends() {
    let stage = Stage::new().await;
    stage.device(1, 2, "b").await;
    stage.device(1, 3, "c").await;
    for device in 1..=3 {
        stage.leave(device, "NULL", 1).await;
    }
    let first = stage.claim(2, true).await;
    assert_eq!(
        (first.len(), first[0].attempts, first[0].body.as_slice()),
        (2, 1, &b"body"[..])
    );
    assert!(
        first[0]
            .target
            .endpoint
            .starts_with("https://push.example/")
    );
    assert_eq!(stage.claim(2, true).await.len(), 1);
    assert_eq!(stage.claim(2, true).await.len(), 0);
    stage.execute("UPDATE pushes SET lease = now()").await;
    assert_eq!(
        stage.claim(9, false).await.len(),
        0,
        "who has it may yet note it"
    );
    let again = stage.claim(9, true).await;
    assert_eq!((again.len(), again[0].attempts), (3, 2));
    // Who lost it notes nothing.
    stage.pushes.finish_pushes(&[first[0].claim]).await.unwrap();
    stage.postpone(&first[1], Duration::ZERO, false).await;
    assert_eq!(
        (
            stage.count("pushes").await,
            stage.claim(9, false).await.len()
        ),
        (3, 0)
    );
    let claims: Vec<PushClaim> = again.iter().map(|push| push.claim).collect();
    stage.pushes.finish_pushes(&claims).await.unwrap();
    assert_eq!(stage.count("pushes").await, 0);
}

#[tokio::test]
async fn what_waits_for_a_device_waits_together_and_others_do_not() {
    let stage = Stage::new().await;
    stage.device(1, 2, "b").await;
    stage.leave(1, "NULL", 2).await;
    stage.leave(2, "NULL", 1).await;
    let claimed = stage.claim(1, false).await;
    stage
        .postpone(&claimed[0], Duration::from_mins(1), true)
        .await;
    let others = stage.drain().await;
    let devices: Vec<u64> = others.iter().map(|push| push.target.device.get()).collect();
    assert_eq!(devices, [2]);
    stage.execute("UPDATE pushes SET due = now()").await;
    let late = stage.drain().await;
    let told: Vec<(&[u8], i16)> = late
        .iter()
        .map(|push| (&push.body[..], push.attempts))
        .collect();
    assert_eq!(told, [(&b""[..], 2), (&b"body"[..], 1)]);
}

#[tokio::test]
async fn a_device_has_one_at_a_time_and_the_urgent_first() {
    let stage = Stage::new().await;
    stage.device(1, 2, "b").await;
    stage.leave(1, "NULL", 1).await;
    stage.execute("UPDATE pushes SET urgency = 2").await;
    stage.leave(1, "NULL", 2).await;
    stage.leave(2, "NULL", 1).await;
    let claimed = stage.claim(9, false).await;
    let mut devices: Vec<u64> = claimed
        .iter()
        .map(|push| push.target.device.get())
        .collect();
    devices.sort_unstable();
    assert_eq!(devices, [1, 2]);
    let claims: Vec<PushClaim> = claimed.iter().map(|push| push.claim).collect();
    stage.pushes.finish_pushes(&claims).await.unwrap();
    let rest = stage.drain().await;
    let urgencies: Vec<i16> = rest.iter().map(|push| push.urgency).collect();
    assert_eq!(urgencies, [3, 2]);
}

#[tokio::test]
async fn the_urgent_come_first_unless_it_is_the_turn_of_the_others() {
    let stage = Stage::new().await;
    stage.device(1, 2, "b").await;
    for order in [false, true] {
        stage.leave(1, "NULL", 1).await;
        stage.leave(2, "NULL", 1).await;
        stage
            .execute("UPDATE pushes SET urgency = 4 - device")
            .await;
        let first = stage.claim_in_order(1, (false, order)).await.remove(0);
        assert_eq!(first.target.device.get(), if order { 2 } else { 1 });
        stage.execute("DELETE FROM pushes").await;
    }
}

#[tokio::test]
async fn a_hundred_wait_for_a_device_the_urgent_and_the_new() {
    let stage = Stage::new().await;
    stage.leave(1, "NULL", 150).await;
    stage
        .execute("UPDATE pushes SET urgency = CASE id WHEN 1 THEN 3 ELSE 1 END")
        .await;
    stage.insert("topic", 7).await;
    let kept = "pushes WHERE urgency = 3 OR id > 51";
    assert_eq!(
        (stage.count("pushes").await, stage.count(kept).await),
        (101, 101)
    );
}

#[tokio::test]
async fn a_new_push_waits_as_long_as_its_device_does() {
    let stage = Stage::new().await;
    stage.leave(1, "NULL", 1).await;
    let push = stage.claim(1, false).await.remove(0);
    let wait = Duration::from_mins(1);
    stage.fail(&push.target, (false, wait), 1).await;
    stage.pushes.finish_pushes(&[push.claim]).await.unwrap();
    stage.insert("topic", 7).await;
    assert_eq!(stage.drain().await.len(), 0);
    let arrived = [(push.target.account, push.target.device)];
    stage.pushes.note_arrival(&arrived).await.unwrap();
    stage.insert("topic", 8).await;
    let told: Vec<_> = stage
        .drain()
        .await
        .iter()
        .map(|push| push.message)
        .collect();
    assert_eq!(told, [Some(8.try_into().unwrap())]);
}

#[tokio::test]
async fn the_push_of_a_newer_message_takes_the_place_of_an_older_one_whichever_comes_first() {
    let stage = Stage::new().await;
    for message in [7, 9, 8] {
        stage.insert("topic", message).await;
    }
    stage.insert("other", 1).await;
    let told: Vec<_> = stage
        .drain()
        .await
        .iter()
        .map(|push| push.message)
        .collect();
    let message = |number: i64| Some(number.try_into().unwrap());
    assert_eq!(told, [message(9), message(1)]);
    // One that is under way goes once it comes back.
    stage.insert("topic", 8).await;
    let claimed = stage.claim(1, false).await;
    stage.insert("topic", 9).await;
    stage.postpone(&claimed[0], Duration::ZERO, false).await;
    let told = stage.drain().await;
    let told: Vec<_> = told
        .iter()
        .map(|push| (push.message, push.is_superseded))
        .collect();
    assert_eq!(told, [(message(8), true), (message(9), false)]);
}

#[tokio::test]
async fn what_is_deleted_while_somebody_is_being_told_of_it_leaves_no_push() {
    let stage = Stage::new().await;
    stage
        .execute(
            "INSERT INTO notifications (account, message, server, channel, seq, reason, due)
                 VALUES (1, 7, 1, 1, 1, 2, now())",
        )
        .await;
    let turn = stage.notifications.begin(10, false).await.unwrap();
    let mut connection = stage.pool.acquire().await.unwrap();
    let deleted = [deleted(&[7])];
    let redaction = redact_messages(&mut connection, &deleted);
    let waits = "pg_locks WHERE locktype = 'advisory' AND NOT granted
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let telling = async {
        let waiting = async { while stage.count(waits).await == 0 {} };
        timeout(Duration::from_secs(10), waiting).await.unwrap();
        let pushes = [push_of("topic", 7)];
        turn.finish(&[NotificationState::Told], &pushes).await
    };
    let (redacted, told) = tokio::join!(redaction, telling);
    redacted.and(told).unwrap();
    assert_eq!(stage.count("pushes").await, 0);
}

#[tokio::test]
async fn where_the_newer_one_goes_unsent_what_it_took_the_place_of_is_told() {
    let stage = Stage::new().await;
    let message = |number: i64| Some(number.try_into().unwrap());
    stage.insert("topic", 1).await;
    // Two at once, and one that comes while another is under way.
    let pushes = [push_of("topic", 2), push_of("topic", 3)];
    let columns = NewPushColumns::new(&pushes);
    let parameters = columns.parameters();
    let inserted = statement::execute(&stage.pushes.pool, INSERT, &parameters);
    inserted.await.unwrap();
    let claimed = stage.claim(1, false).await;
    stage.insert("topic", 4).await;
    stage.postpone(&claimed[0], Duration::ZERO, false).await;
    let superseded = &stage.claim(1, false).await[0];
    assert_eq!(
        (superseded.message, superseded.is_superseded),
        (message(3), true)
    );
    for _again in 0..2 {
        stage.pushes.give_way(&[superseded.claim]).await.unwrap();
    }
    stage
        .pushes
        .finish_pushes(&[superseded.claim])
        .await
        .unwrap();
    // The newest are deleted; what is left says nothing of them, and is asked about.
    let mut connection = stage.pool.acquire().await.unwrap();
    let gone = [deleted(&[4, 3])];
    redact_messages(&mut connection, &gone).await.unwrap();
    let mut told = Vec::new();
    for _one in 0..3 {
        let push = &stage.claim(1, false).await[0];
        assert!(push.attempts > 1 && push.body == b"{}", "{push:?}");
        told.push(push.message);
        for _again in 0..2 {
            stage.pushes.fall_back(&[push.claim]).await.unwrap();
        }
        stage.pushes.finish_pushes(&[push.claim]).await.unwrap();
    }
    assert_eq!(told, [message(3), message(2), message(1)]);
    assert_eq!(stage.count("pushes").await, 0);
}

#[tokio::test]
async fn what_takes_the_place_of_a_push_was_tried_as_often() {
    let stage = Stage::new().await;
    stage.insert("topic", 1).await;
    for number in 2..25 {
        let claimed = stage.claim(1, false).await;
        assert_eq!(claimed[0].attempts, number.min(MOST_INHERITED + 2) - 1);
        stage.postpone(&claimed[0], Duration::ZERO, false).await;
        stage.insert("topic", number.into()).await;
    }
    stage.drain().await;
    stage.insert("topic", 99).await;
    assert_eq!(stage.claim(1, false).await[0].attempts, 1);
}

#[tokio::test]
async fn a_newer_one_of_its_topic_and_too_many_supersede_a_push() {
    let stage = Stage::new().await;
    stage.leave(1, "'topic'", 3).await;
    stage.leave(1, "'other'", 1).await;
    let told = stage.drain().await;
    let left: Vec<_> = told.iter().filter(|push| !push.is_superseded).collect();
    let mut topics: Vec<_> = left.iter().map(|push| push.topic.as_deref()).collect();
    topics.sort_unstable();
    assert_eq!(topics, [Some("other"), Some("topic")]);
    stage.leave(1, "NULL", 103).await;
    let told = stage.drain().await;
    assert_eq!(told.iter().filter(|push| push.is_superseded).count(), 3);
}

#[tokio::test]
async fn a_device_that_is_told_no_more_has_no_address() {
    let stage = Stage::new().await;
    stage.leave(1, "NULL", 1).await;
    let endpoint = async || {
        stage.execute("UPDATE pushes SET lease = '-infinity'").await;
        stage.claim(1, false).await.remove(0).target.endpoint
    };
    assert!(!endpoint().await.is_empty());
    // Another account subscribes the address, and leaves.
    stage.device(2, 7, "a").await;
    assert!(endpoint().await.is_empty());
    stage.execute("DELETE FROM sessions WHERE id = 7").await;
    assert_eq!(stage.count("push_devices").await, 1);
    assert!(endpoint().await.is_empty(), "it does not come back");
    stage.sweep().await;
    assert!(endpoint().await.is_empty(), "nor after the cleaning");
    stage.execute("DELETE FROM sessions").await;
    stage.sweep().await;
    assert_eq!(stage.count("push_addresses").await, 0);
}

#[tokio::test]
async fn a_device_is_gone_at_once_or_after_a_week_of_failures() {
    let stage = Stage::new().await;
    stage.leave(1, "NULL", 1).await;
    let push = stage.claim(1, false).await.remove(0);
    let fail = async |gone, now| stage.fail(&push.target, (gone, Duration::ZERO), now).await;
    let arrived = [(push.target.account, push.target.device)];
    for _ in 1..MIN_FAILURES {
        fail(false, 1).await;
    }
    fail(false, 1 + WEEK).await;
    assert_eq!(stage.count("push_on").await, 1);
    stage.pushes.note_arrival(&arrived).await.unwrap();
    assert_eq!(stage.count("push_failures").await, 0);
    fail(false, 1).await;
    fail(false, 2 + WEEK).await;
    assert_eq!(stage.count("push_on").await, 1, "two say little");
    for _ in 2..MIN_FAILURES {
        fail(false, 2 + WEEK).await;
    }
    assert_eq!(stage.count("push_on").await, 0);
    stage.pushes.note_arrival(&arrived).await.unwrap();
    assert_eq!(stage.count("push_on").await, 0, "it has to subscribe again");
    stage.device(1, 2, "b").await;
    let other = PushTarget {
        device: 2.try_into().unwrap(),
        ..push.target
    };
    stage.fail(&other, (true, Duration::ZERO), 1).await;
    assert_eq!(stage.count("push_on").await, 0);
    stage.execute("DELETE FROM sessions").await;
    stage.sweep().await;
    assert_eq!(stage.count("push_failures").await, 0);
}

#[tokio::test]
async fn what_nobody_claims_is_deleted_and_what_is_late_is_told() {
    let stage = Stage::new().await;
    let overdue = async || {
        stage
            .pushes
            .list_waiting(&[SERVICE, "another"])
            .await
            .unwrap()
    };
    let told: Vec<_> = overdue()
        .await
        .into_iter()
        .map(|row| (row.service, row.overdue_s))
        .collect();
    assert_eq!(
        told,
        [(SERVICE.to_owned(), None), ("another".to_owned(), None)]
    );
    stage.leave(1, "NULL", 2).await;
    stage
        .execute("UPDATE pushes SET due = now() - interval '100 s'")
        .await;
    assert!(
        overdue().await[0]
            .overdue_s
            .is_some_and(|late| late >= 100.0)
    );
    stage.execute("UPDATE pushes SET made = now() - interval '26 hours' WHERE id = (SELECT min(id) FROM pushes)").await;
    stage.sweep().await;
    assert_eq!(stage.count("pushes").await, 1);
}
