//! Lanes on a stage: people and rooms put in by hand, commands by the stream.

use std::{collections::HashMap, time::Duration};

use prometheus::Registry;
use shared::{
    bus::{
        Bus, Delivery, StreamId, Subscriber, Topic,
        envelope::{Answer, Caller, CallerKind, Entry, Envelope, Published, pack, unpack},
        sealed::{Way, open},
    },
    clock::Clock,
    config::Secret,
    domain::permissions::Permissions,
    error::Reason,
    ids::{ChannelId, EPOCH_MS, Id, Partition, SessionId, UserId, next_raw},
    protocol::{
        self, Request,
        message::{MessageSent, NewMessage},
        server::{FoundServer, LeaveServer},
    },
    wire::Wire,
};
use sqlx::{AssertSqlSafe, PgPool, Row};
use tokio::time::{Instant, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    consumers::{self, Consumer, Redaction},
    fixture::{self, NOW},
    jobs,
    lane::{self, LaneConfig, LaneParts, LaneStatus, process::Process},
    limiter::{Limiter, Quotas},
    metrics::LaneMetrics,
    notification::{NotificationMetrics, Planner},
    presence::Presence,
    store::{
        PgConnectOptions,
        jobs::Jobs,
        read::Store,
        write::{self, internal::NewInternal},
    },
    support::postgres,
    telling::Telling,
    transaction::Caps,
};

/// No answer takes longer, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);
/// The locks of partitions in this database.
pub(super) const HELD_PARTITIONS: &str = "pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) id: u64,
}

impl Person {
    pub(super) fn user(&self) -> UserId {
        Id::new(self.id).unwrap()
    }
}

#[derive(Debug, Clone)]
pub(super) struct Room {
    pub(super) server: u64,
    pub(super) channel: ChannelId,
}

impl Room {
    pub(super) fn message(&self, nonce: &str, content: &str) -> NewMessage {
        NewMessage {
            nonce: nonce.to_owned(),
            channel_id: self.channel,
            content: content.to_owned(),
            reply_to: None,
            silent_reply: false,
        }
    }
}

pub(super) struct Stage {
    /// The secrets that the next lanes are given.
    pub(super) keys: String,
    pub(super) caps: Caps,
    pub(super) clock: Clock,
    pub(super) deadline_ms: u64,
    pub(super) bus: Bus,
    pub(super) pool: PgPool,
    url: String,
    pub(super) options: PgConnectOptions,
    subscriber: Subscriber,
    /// What the next lanes belong to.
    pub(super) process: Process,
    pub(super) metrics: LaneMetrics,
    started: usize,
    answers: HashMap<u32, Vec<u8>>,
    events: Vec<Envelope>,
    posts: Vec<(Partition, Entry)>,
    requests: u32,
    ids: u64,
    lanes: TaskTracker,
    stop: CancellationToken,
}

impl Stage {
    /// With one lane.
    pub(super) async fn new() -> Self {
        let mut stage = Self::stopped().await;
        stage.start_lanes(1);
        stage
    }

    /// With one lane, and somebody with a server.
    pub(super) async fn with_room() -> (Self, Person, Room) {
        let (mut stage, person, room) = Self::stopped_with_room().await;
        stage.start_lanes(1);
        (stage, person, room)
    }

    /// Without lanes: what is posted waits.
    pub(super) async fn stopped() -> Self {
        Self::of(fixture::database().await).await
    }

    /// The same, and somebody with a server.
    pub(super) async fn stopped_with_room() -> (Self, Person, Room) {
        let mut stage = Self::stopped().await;
        let (person, room) = stage.room("alice").await;
        (stage, person, room)
    }

    /// In a Postgres of its own, without lanes. What the test itself writes waits for no standby.
    pub(super) async fn alone() -> (cluster::Cluster, Self) {
        let (server, options) = postgres::alone().await;
        fixture::prepare(options.clone()).await;
        let options = options.options([("synchronous_commit", "local")]);
        let stage = Self::of(options).await;
        (server, stage)
    }

    async fn of(options: PgConnectOptions) -> Self {
        let clock = Clock::manual(NOW);
        let url = format!(
            "postgres://confab@{}:{}/{}",
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap()
        );
        let bus = Bus::memory();
        let subscriber = bus.subscriber().await.unwrap();
        subscriber
            .control()
            .subscribe(vec![Topic::Node("stage".to_owned())])
            .await
            .unwrap();
        Self {
            clock,
            keys: "the first secret of this cluster".to_owned(),
            caps: Caps {
                servers: 200,
                guests: 10,
            },
            deadline_ms: 60_000,
            bus,
            pool: postgres::pool(options.clone()).await,
            options,
            url,
            subscriber,
            process: Process::new().unwrap(),
            metrics: LaneMetrics::new(&Registry::new()).unwrap(),
            started: 0,
            answers: HashMap::new(),
            events: Vec::new(),
            posts: Vec::new(),
            requests: 0,
            ids: 0,
            lanes: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    pub(super) fn start_lanes(&mut self, count: usize) {
        self.stop = CancellationToken::new();
        self.lanes = TaskTracker::new();
        for _ in 0..count {
            let number = self.started;
            self.started += 1;
            let config = LaneConfig {
                name: format!("stage/{number}"),
                database_url: Secret::new(self.url.clone()),
                deadline_ms: self.deadline_ms,
            };
            let parts = LaneParts {
                bus: self.bus.clone(),
                clock: self.clock.clone(),
                limiter: Limiter::new(self.bus.clone(), self.clock.clone(), Quotas::default()),
                telling: Telling::new(),
                keys: self.keys.parse().unwrap(),
                caps: self.caps,
                push: None,
                metrics: self.metrics.clone(),
                status: LaneStatus::default(),
                process: self.process.clone(),
            };
            self.lanes
                .spawn(lane::run(config, parts, self.stop.clone()));
        }
    }

    /// Starts what works beside the lanes.
    pub(super) fn start_background(&mut self) {
        let registry = Registry::new();
        let metrics = consumers::ConsumerMetrics::new(&registry).unwrap();
        let consumer = Consumer {
            effect: Redaction {
                metrics: metrics.clone(),
            },
            options: self.options.clone(),
            bus: self.bus.clone(),
            process: self.process.clone(),
            metrics,
        };
        self.lanes.spawn(consumer.run(self.stop.clone()));
        let planner = Planner {
            store: Store::new(self.options.clone(), 2),
            presence: Presence::default(),
            clock: self.clock.clone(),
            grace_s: 0,
            metrics: NotificationMetrics::new(&registry).unwrap(),
        };
        let jobs = Jobs::new(self.options.clone());
        let metrics = jobs::JobMetrics::new(&registry).unwrap();
        self.lanes
            .spawn(jobs::run(jobs, planner, metrics, self.stop.clone()));
    }

    /// Enqueues an internal command for the first partition, as the lane of another would.
    pub(super) async fn enqueue(
        &self,
        (source, number): (u16, u64),
        author: &Person,
        (opcode, scope, body): (u16, u64, Vec<u8>),
    ) {
        let url = Secret::new(self.url.clone());
        let connection = lane::connect::open_connection(&url).await.unwrap();
        let new = NewInternal {
            source: Partition::new(source).unwrap(),
            opcode,
            author: Some(author.user()),
            body: &body,
            targets: &[(Partition::of(0), scope, number)],
        };
        let mut changes = 0;
        let mut writes = connection.writes(&mut changes);
        write::internal::enqueue_internal(&mut writes, &new)
            .await
            .unwrap();
    }

    pub(super) async fn stop_lanes(&mut self) {
        self.stop.cancel();
        self.lanes.close();
        self.lanes.wait().await;
    }

    /// The lanes that run now, for those who stop them while others run already.
    pub(super) fn leave_lanes(&mut self) -> (CancellationToken, TaskTracker) {
        (self.stop.clone(), self.lanes.clone())
    }

    /// How many transactions the lanes made.
    pub(super) fn commits(&self) -> u64 {
        self.metrics.commit_seconds.get_sample_count()
    }

    /// Waits for this many beats of any lanes.
    pub(super) async fn beats(&self, count: usize) {
        let mut subscriber = self.bus.subscriber().await.unwrap();
        subscriber
            .control()
            .subscribe(vec![Topic::Beats])
            .await
            .unwrap();
        for _ in 0..count {
            timeout(PATIENCE, subscriber.next()).await.unwrap();
        }
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    fn id(&mut self, partition: Partition) -> u64 {
        self.ids += 1;
        // Long before the clock, so that no lane makes the same.
        next_raw(0, partition, EPOCH_MS + self.ids)
    }

    pub(super) async fn account(&mut self, name: &str) -> Person {
        let id = self.id(Partition::of_hash(name.as_bytes()));
        self.execute(&format!(
            "INSERT INTO accounts (id, name, folded, nonce) VALUES ({id}, '{name}', '{name}', 'n');
             INSERT INTO topics (id) VALUES ({id})"
        ))
        .await;
        Person { id }
    }

    pub(super) async fn server(&mut self, owner: &Person, name: &str) -> Room {
        let partition = Partition::of_hash(name.as_bytes());
        let (server, channel) = (self.id(partition), self.id(partition));
        let (owner, everyone) = (owner.id, Permissions::EVERYONE.sql());
        self.execute(&format!(
            "INSERT INTO servers (id, name, owner) VALUES ({server}, '{name}', {owner});
             INSERT INTO topics (id) VALUES ({server});
             INSERT INTO roles (server, id, name, permissions) VALUES ({server}, {server}, 'everyone', {everyone});
             INSERT INTO members (server, account) VALUES ({server}, {owner});
             INSERT INTO channels (id, server, name, position) VALUES ({channel}, {server}, 'general', 0)"
        ))
        .await;
        Room {
            server,
            channel: Id::new(channel).unwrap(),
        }
    }

    /// Somebody with a server.
    pub(super) async fn room(&mut self, name: &str) -> (Person, Room) {
        let person = self.account(name).await;
        let room = self.server(&person, &format!("{name}s-room")).await;
        (person, room)
    }

    /// Somebody who is a member of a server.
    pub(super) async fn member(&mut self, name: &str, room: &Room) -> Person {
        let person = self.account(name).await;
        self.execute(&format!(
            "INSERT INTO members (server, account) VALUES ({}, {})",
            room.server, person.id
        ))
        .await;
        person
    }

    /// Puts a command where the scope's partition says.
    pub(super) fn post<R: Request>(&mut self, person: &Person, scope: u64, request: &R) -> u32 {
        let partition = Partition::of(if scope == 0 { person.id } else { scope });
        self.post_to(partition, person, scope, request)
    }

    pub(super) fn post_message(
        &mut self,
        person: &Person,
        room: &Room,
        nonce: &str,
        content: &str,
    ) -> u32 {
        self.post(person, room.server, &room.message(nonce, content))
    }

    /// Posts as many messages, each with a nonce of its own, and appends them.
    pub(super) async fn append_messages(
        &mut self,
        person: &Person,
        room: &Room,
        count: usize,
    ) -> Vec<u32> {
        let post = |n: usize| self.post_message(person, room, &n.to_string(), "waits");
        let posts = (0..count).map(post).collect();
        self.flush().await;
        posts
    }

    pub(super) fn post_to<R: Request>(
        &mut self,
        partition: Partition,
        person: &Person,
        scope: u64,
        request: &R,
    ) -> u32 {
        let body = protocol::encode(request);
        self.post_raw(person, (partition, scope), R::ROW.opcode, body)
    }

    /// Posts whatever somebody wrote.
    pub(super) fn post_raw(
        &mut self,
        person: &Person,
        (partition, scope): (Partition, u64),
        opcode: u16,
        body: Vec<u8>,
    ) -> u32 {
        self.requests += 1;
        let entry = Entry {
            node: "stage".to_owned(),
            connection: 1,
            ticket: u64::from(self.requests),
            caller: Some(Caller {
                user: person.user(),
                session: SessionId::new(1).unwrap(),
                kind: CallerKind::Person,
            }),
            opcode,
            scope,
            body,
            asked_at_ms: self.now_ms(),
            ..Entry::default()
        };
        self.posts.push((partition, entry));
        self.requests
    }

    /// Creates a server by its lane.
    pub(super) fn found(&mut self, person: &Person, number: u16) -> u32 {
        let partition = Partition::new(number).unwrap();
        let found = FoundServer {
            nonce: format!("found-{number}"),
            name: format!("server {number}"),
        };
        self.post_to(partition, person, 0, &found)
    }

    /// Appends what was posted; answers with the places.
    pub(super) async fn flush(&mut self) -> Vec<(Partition, StreamId)> {
        let mut places = Vec::new();
        for (partition, entry) in std::mem::take(&mut self.posts) {
            let keys = self.keys.parse().unwrap();
            let written = entry.write(Way::Lane(partition), &keys).unwrap();
            let place = self.bus.append(partition, written).await.unwrap();
            places.push((partition, place));
        }
        places
    }

    /// Appends what was posted, as somebody does who has Redis and no key.
    pub(super) async fn forge(&mut self) {
        for (partition, entry) in std::mem::take(&mut self.posts) {
            self.bus.append(partition, pack(&entry)).await.unwrap();
        }
    }

    pub(super) async fn call<R: Request>(
        &mut self,
        person: &Person,
        scope: u64,
        request: &R,
    ) -> R::Reply {
        let request = self.post(person, scope, request);
        self.answer(request).await
    }

    pub(super) async fn send(
        &mut self,
        person: &Person,
        room: &Room,
        nonce: &str,
        content: &str,
    ) -> MessageSent {
        let request = self.post_message(person, room, nonce, content);
        self.answer(request).await
    }

    pub(super) async fn leave_server(&mut self, person: &Person, room: &Room) {
        let nonce = "leave".to_owned();
        self.call(person, room.server, &LeaveServer { nonce }).await;
    }

    /// Hears the events of a server from now on.
    pub(super) async fn hear(&mut self, server: u64) {
        self.subscriber
            .control()
            .subscribe(vec![Topic::Events(server)])
            .await
            .unwrap();
    }

    pub(super) async fn heard(&mut self) -> Envelope {
        while self.events.is_empty() {
            self.listen().await;
        }
        self.events.remove(0)
    }

    /// The answer to a request, or why it was refused. What was posted is appended first.
    pub(super) async fn try_answer<T: Wire>(&mut self, request: u32) -> Result<T, Reason> {
        self.flush().await;
        loop {
            if let Some(frame) = self.answers.remove(&request) {
                return read(&frame);
            }
            self.listen().await;
        }
    }

    pub(super) async fn answer<T: Wire>(&mut self, request: u32) -> T {
        self.try_answer(request).await.unwrap()
    }

    pub(super) async fn answers<T: Wire>(
        &mut self,
        requests: impl IntoIterator<Item = u32>,
    ) -> Vec<T> {
        let mut answers = Vec::new();
        for request in requests {
            answers.push(self.answer(request).await);
        }
        answers
    }

    /// Expects that a request is refused.
    pub(super) async fn refused(&mut self, request: u32, reason: Reason) {
        assert_eq!(self.try_answer::<()>(request).await, Err(reason));
    }

    async fn listen(&mut self) {
        match timeout(PATIENCE, self.subscriber.next())
            .await
            .expect("something is heard")
        {
            Some(Delivery::Message(topic @ Topic::Node(_), bytes)) => {
                let keys = self.keys.parse().unwrap();
                for answer in open::<Vec<Answer>>(&bytes, &topic, &keys).unwrap() {
                    let request = u32::try_from(answer.ticket).unwrap();
                    self.answers.insert(request, answer.payload.into_vec());
                }
            }
            Some(Delivery::Message(Topic::Events(_), bytes)) => {
                self.events
                    .extend(unpack::<Published>(&bytes).unwrap().events);
            }
            other => panic!("{other:?}"),
        }
    }

    /// Whether an answer came before those that were taken since.
    pub(super) fn is_answered(&self, request: u32) -> bool {
        self.answers.contains_key(&request)
    }

    /// Lets every COMMIT wait for a standby that does not exist.
    pub(super) async fn lose_standby(&self) {
        self.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            .await;
        self.execute("SELECT pg_reload_conf()").await;
        // Known to everybody once one waits, which the first need not do.
        let (pool, known) = (self.pool.clone(), CancellationToken::new());
        let _known = known.clone().drop_guard();
        self.lanes.spawn(async move {
            let probe = "BEGIN; SET LOCAL synchronous_commit = on;
                         CREATE TABLE probe (); DROP TABLE probe; COMMIT";
            while !known.is_cancelled() {
                sqlx::raw_sql(probe).execute(&pool).await.unwrap();
            }
        });
        self.until_found("pg_stat_activity WHERE wait_event = 'SyncRep'")
            .await;
    }

    pub(super) async fn execute(&self, sql: &str) {
        postgres::execute(&self.pool, sql).await;
    }

    /// The first column of what a query finds.
    pub(super) async fn column(&self, sql: &str) -> Vec<String> {
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&self.pool)
            .await
            .unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The bodies of all events of a kind, in their order.
    pub(super) async fn bodies(&self, opcode: u16) -> Vec<Vec<u8>> {
        sqlx::query_scalar("SELECT body FROM events WHERE opcode = $1 ORDER BY topic, seq")
            .bind(i32::from(opcode))
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    /// Expects what the first column of a query holds.
    pub(super) async fn finds<T>(&self, sql: &str, expected: impl AsRef<[T]>)
    where
        T: AsRef<str>,
    {
        let expected: Vec<&str> = expected.as_ref().iter().map(AsRef::as_ref).collect();
        assert_eq!(self.column(sql).await, expected, "{sql}");
    }

    /// Expects how many rows there are of a table, or of a part of it.
    pub(super) async fn counts(&self, rows: &str, expected: u64) {
        let sql = format!("SELECT count(*)::text FROM {rows}");
        self.finds(&sql, [expected.to_string()]).await;
    }

    /// Waits until there are as many.
    pub(super) async fn until_counts(&self, rows: &str, expected: u64) {
        let counted = format!("(SELECT count(*) AS count FROM {rows}) c");
        self.until_found(&format!("{counted} WHERE count = {expected}"))
            .await;
    }

    /// Waits until there is a row.
    pub(super) async fn until_found(&self, rows: &str) {
        let end = Instant::now() + PATIENCE;
        let sql = format!("SELECT 1::text FROM {rows}");
        while self.column(&sql).await.is_empty() {
            assert!(Instant::now() < end, "never: {sql}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends the connections that hold partitions.
    pub(super) async fn end_connections(&self) {
        self.execute(&format!(
            "SELECT pg_terminate_backend(pid) FROM {HELD_PARTITIONS}"
        ))
        .await;
    }

    /// Waits until the stream's ids are above `id`.
    pub(super) async fn until_marked(&self, partition: Partition, id: StreamId) {
        let end = Instant::now() + PATIENCE;
        let mut reader = self.bus.reader().await.unwrap();
        let below = StreamId {
            ms: id.ms,
            seq: id.seq - 1,
        };
        while reader
            .read(&[(partition, below)], 1, Duration::from_millis(50))
            .await
            .unwrap()
            .is_empty()
        {
            assert!(Instant::now() < end, "never marked");
        }
    }
}

/// Reads a reply or a refusal.
fn read<T: Wire>(payload: &[u8]) -> Result<T, Reason> {
    let reply: Result<(u16, u32, T), _> = unpack(payload);
    if let Ok((0, _, reply)) = reply {
        return Ok(reply);
    }
    let (_, _, reason, _, _): (u16, u32, Reason, Option<String>, Option<u64>) =
        unpack(payload).expect("a reply or a refusal");
    Err(reason)
}
