//! A small community, and a way to ask about it.

use std::{sync::Arc, time::Duration};

use super::super::{Deps, MAX_RUN, QueryMetrics, SignUpConfig, answer_client, answer_gateway};
use crate::{
    day::Day,
    fixture::{self, NOW},
    limiter::{Limiter, Quotas},
    password::Hasher,
    presence::Presence,
    store::read::Store,
    support::postgres,
    token,
};
use prometheus::Registry;
use shared::{
    bus::{
        Bus, StreamEntry, StreamId,
        envelope::{Caller, CallerKind, Effect, Entry, NodeAnswer, NodeQuery, pack},
        sealed::Way,
    },
    clock::Clock,
    domain::permissions::Permissions,
    error::{Reason, Refusal},
    ids::{Id, Partition, ServerId, SessionId, UserId},
    keys::ClusterKeys,
    protocol::{Request, account::SignUp, decode, encode},
};

/// Alice owns the server 100 with the channels 101 (all see it), 102 (only Bob
/// and the owner see it) and 103 (no history for everyone). Bob and Carol are
/// members. Dave owns the server 200 with the channel 201.
pub(super) const ALICE: u64 = 1;
pub(super) const BOB: u64 = 2;
pub(super) const CAROL: u64 = 3;
pub(super) const DAVE: u64 = 4;
pub(super) const SERVER: u64 = 100;
pub(super) const OPEN: u64 = 101;
pub(super) const SECRET: u64 = 102;
pub(super) const SILENT: u64 = 103;
pub(super) const OTHER_SERVER: u64 = 200;
pub(super) const OTHER_CHANNEL: u64 = 201;

pub(super) fn id<T>(value: u64) -> Id<T> {
    Id::new(value).unwrap()
}

pub(super) struct Chat {
    pub(super) deps: Arc<Deps>,
    pool: postgres::Pool,
}

impl Chat {
    pub(super) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// With other dependencies.
    pub(super) async fn with(change: impl FnOnce(&mut Deps)) -> Self {
        let (options, pool) = fixture::database_and_pool().await;
        let clock = Clock::manual(NOW);
        let bus = Bus::memory();
        let mut deps = Deps {
            bus: bus.clone(),
            store: Store::new(options, 4),
            limiter: Limiter::new(bus, clock.clone(), Quotas::default()),
            hasher: Hasher::new(2, 8).unwrap(),
            clock,
            sign_up: SignUpConfig {
                invites: SignUp::Open,
                guests: true,
            },
            metrics: QueryMetrics::new(&Registry::new()).unwrap(),
            keys: keys(),
            push: None,
            presence: Presence::default(),
            tasks: 2,
        };
        change(&mut deps);
        let chat = Self {
            deps: Arc::new(deps),
            pool,
        };
        chat.fill().await;
        chat
    }

    async fn fill(&self) {
        let all = Permissions::EVERYONE.sql();
        for (account, name) in [(1, "alice"), (2, "bob"), (3, "carol"), (4, "dave")] {
            self.run(&format!(
                "INSERT INTO accounts (id, name, folded, nonce) VALUES ({account}, '{name}', '{name}', 'n')"
            ))
            .await;
        }
        self.run(&format!(
            "UPDATE deployment SET first_account = 1, epoch = 'x';
             UPDATE accounts SET admin = true WHERE id = 1;
             INSERT INTO servers VALUES (100, 'Book club', 1), (200, 'Chess', 4);
             INSERT INTO roles VALUES (100, 100, 'everyone', {all}), (100, 110, 'guide', 4),
                                      (200, 200, 'everyone', {all});
             INSERT INTO members VALUES (100, 1), (100, 2), (100, 3), (200, 4);
             INSERT INTO channels VALUES
                 (101, 100, 'general', '', 2, 0, NULL), (102, 100, 'secret', '', 1, 0, NULL),
                 (103, 100, 'silent', '', 0, 0, NULL), (201, 200, 'openings', '', 0, 0, NULL);
             INSERT INTO overrides VALUES (102, 0, 100, 0, 1), (102, 1, 2, 33, 0), (103, 0, 100, 0, 32);"
        ))
        .await;
    }

    /// Executes SQL.
    pub(super) async fn run(&self, sql: &str) {
        postgres::execute(&self.pool, sql).await;
    }

    /// Puts an event at the end of a topic.
    pub(super) async fn event(
        &self,
        topic: u64,
        opcode: u16,
        effect: Option<&Effect>,
        body: &[u8],
    ) {
        let effect = effect.map_or("NULL".to_owned(), |effect| bytes(&pack(effect)));
        let (day, body) = (Day::of_ms(NOW), bytes(body));
        self.run(&format!(
            "WITH moved AS (INSERT INTO topics VALUES ({topic}, 1)
                            ON CONFLICT (id) DO UPDATE SET head = topics.head + 1 RETURNING head)
             INSERT INTO events (topic, seq, day, partition, position, opcode, effect, body)
             SELECT {topic}, head, '{day}', 0, head, {opcode}, {effect}, {body} FROM moved"
        ))
        .await;
    }

    /// Opens a session of an account and gives its token.
    pub(super) async fn session(&self, account: u64) -> String {
        let salt = ClusterKeys::draw_salt().unwrap();
        let token = keys().sign_token(id(account), id(1_000), salt);
        let hash = bytes(&token::hash_token(&token));
        self.run(&format!(
            "INSERT INTO sessions
             SELECT 1000 + count(*), {account}, {hash}, 'phone', '{token}' FROM sessions"
        ))
        .await;
        token
    }

    /// Puts messages with places from 1 on into a channel.
    pub(super) async fn messages(&self, channel: u64, count: u64, content: &str) {
        self.run(&format!(
            "INSERT INTO messages (channel, seq, id, author, content)
             SELECT {channel}, n, {channel} * 10000 + n, 2, '{content}'
             FROM generate_series(1, {count}) n"
        ))
        .await;
    }

    /// Asks as an account (0 is nobody) and gives the reply.
    pub(super) async fn ask<R: Request>(
        &self,
        account: u64,
        scope: u64,
        request: R,
    ) -> Result<R::Reply, Refusal> {
        let entry = entry(account, R::ROW.opcode, scope, encode(&request));
        let (_, frame) = answer_client(&self.deps, entry, MAX_RUN).await;
        read(&frame.expect("an answer")).map(|body| decode(&body).unwrap())
    }

    /// Asks with bytes and gives the reason of the refusal.
    pub(super) async fn refused(
        &self,
        account: u64,
        opcode: u16,
        scope: u64,
        body: Vec<u8>,
    ) -> Reason {
        let (_, frame) =
            answer_client(&self.deps, entry(account, opcode, scope, body), MAX_RUN).await;
        read(&frame.expect("an answer")).unwrap_err().reason
    }

    /// Opens something, and gives what the lane of `partition` was handed.
    pub(super) async fn open<R: Request, F: Request>(
        &self,
        account: u64,
        request: &R,
        partition: Partition,
    ) -> Result<(Entry, F), Refusal> {
        let entry = entry(account, R::ROW.opcode, 0, encode(request));
        let (_, frame) = answer_client(&self.deps, entry, MAX_RUN).await;
        if let Some(frame) = frame {
            return Err(read(&frame).unwrap_err());
        }
        let stream = self.stream(partition).await;
        let bytes = &stream.last().unwrap().bytes;
        let entry = Entry::read(bytes, Way::Lane(partition), &keys()).unwrap();
        assert_eq!(entry.opcode, F::ROW.opcode);
        let forwarded = decode(&entry.body).unwrap();
        Ok((entry, forwarded))
    }

    /// What the stream of a partition holds.
    pub(super) async fn stream(&self, partition: Partition) -> Vec<StreamEntry> {
        let mut reader = self.deps.bus.reader().await.unwrap();
        let from = [(partition, StreamId::default())];
        reader.read(&from, 1_000, Duration::ZERO).await.unwrap()
    }

    /// Asks as a gateway.
    pub(super) async fn node(&self, query: &NodeQuery) -> NodeAnswer {
        answer_gateway(&self.deps, &pack(query), MAX_RUN).await.1
    }
}

/// The keys of the cluster.
pub(super) fn keys() -> ClusterKeys {
    "the only secret of this little cluster".parse().unwrap()
}

/// Bytes in SQL.
fn bytes(bytes: &[u8]) -> String {
    format!("'\\x{}'::bytea", shared::hex::encode(bytes))
}

/// An entry as a gateway packs it.
pub(super) fn entry(account: u64, opcode: u16, scope: u64, body: Vec<u8>) -> Entry {
    let user: Option<UserId> = Id::new(account);
    Entry {
        node: "gateway-1".to_owned(),
        connection: 7,
        ticket: 9,
        caller: user.map(|user| Caller {
            user,
            session: id::<shared::ids::Session>(77),
            kind: CallerKind::Person,
        }),
        opcode,
        scope,
        body,
        patience_ms: 5_000,
        address: 5,
        trace: Some("trace".to_owned()),
        asked_at_ms: NOW,
        ..Entry::default()
    }
}

/// The body of a reply, or the refusal.
pub(super) fn read(frame: &[u8]) -> Result<Vec<u8>, Refusal> {
    const REQUEST: u8 = 0;
    if let Some(body) = frame.strip_prefix(&[0x93, 0, REQUEST]) {
        return Ok(body.to_vec());
    }
    let (opcode, request, code, detail, retry_after): (u16, u32, u16, Option<String>, Option<u64>) =
        decode(frame).unwrap();
    assert_eq!((opcode, request), (1, u32::from(REQUEST)));
    Err(Refusal {
        reason: Reason::from_code(code).unwrap(),
        detail,
        retry_after,
    })
}

pub(super) fn server() -> ServerId {
    id(SERVER)
}

pub(super) fn session_id(value: u64) -> SessionId {
    id(value)
}
