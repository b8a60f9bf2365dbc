//! Fake workers: an event log, sessions, rights, lanes that answer.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use serde_bytes::ByteBuf;
use shared::{
    bus::{
        Bus, Class, End, StreamId, Topic,
        envelope::{
            AccountStatus, Answer, Beat, CHUNK_BYTES, Caller, CallerKind, Chunk, Effect, Entry,
            Envelope, NodeAnswer, NodeQuery, OpenStructure, OpenTopic, Opened, PartitionBeat,
            Published, epoch_number, pack, unpack,
        },
        level::LEVEL,
        node::{Node, NodeLease, VERSION},
        sealed::{Way, seal},
    },
    domain::{
        permissions::{Override, Permissions, Standing, Structure, TargetKind},
        rights::Change,
    },
    frame,
    ids::{ChannelId, Partition, ServerId, SessionId, UserId},
    protocol::{admin::NodeKind, control::TopicSeq, user::User},
};

/// Everything that workers would know. Clones share it.
#[derive(Clone)]
pub(crate) struct World(Arc<Shared>);

struct Shared {
    bus: Bus,
    state: Mutex<State>,
}

/// How lanes answer commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lanes {
    /// With a reply that holds the body of the command.
    Echo,
    /// Not at all.
    Silent,
}

/// A server, as of the head of its log.
struct Server {
    structure: Structure,
    version: u64,
    members: BTreeMap<UserId, Standing>,
}

/// What the workers know, and how they behave.
pub(crate) struct State {
    tokens: HashMap<String, Caller>,
    logs: HashMap<u64, Vec<Envelope>>,
    /// How many of the oldest events of each log are gone.
    trimmed: HashMap<u64, u64>,
    servers: BTreeMap<u64, Server>,
    pub(crate) commands: Vec<Entry>,
    pub(crate) queries: Vec<Entry>,
    pub(crate) asked: Vec<NodeQuery>,
    /// The topics whose heads are told with the next beat.
    pub(crate) moved: BTreeSet<u64>,
    pub(crate) lanes: Lanes,
    pub(crate) beating: bool,
    pub(crate) backlog: u64,
    /// Questions about structures wait while this is set.
    pub(crate) structures_stopped: bool,
    /// How many snapshots were taken and are not answered; none while they are answered.
    pub(crate) snapshots_held: Option<u32>,
    /// How large the body of an answer is; that of the query when none.
    pub(crate) answer_bytes: Option<usize>,
    /// The body of every answer, in place of that.
    pub(crate) answer_body: Option<Vec<u8>>,
    /// Of the last beat; who raises it makes the gateway miss one.
    pub(crate) number: u64,
    term: u64,
}

impl World {
    /// A world whose lanes beat.
    pub(crate) fn start(bus: &Bus) -> Self {
        let world = Self(Arc::new(Shared {
            bus: bus.clone(),
            state: Mutex::new(State {
                tokens: HashMap::new(),
                logs: HashMap::new(),
                trimmed: HashMap::new(),
                servers: BTreeMap::new(),
                commands: Vec::new(),
                queries: Vec::new(),
                asked: Vec::new(),
                moved: BTreeSet::new(),
                lanes: Lanes::Echo,
                beating: true,
                backlog: 0,
                structures_stopped: false,
                snapshots_held: None,
                answer_bytes: None,
                answer_body: None,
                number: 0,
                term: 1,
            }),
        }));
        let tasks = tokio_util::task::TaskTracker::new();
        tasks.spawn(world.clone().lanes());
        tasks.spawn(world.clone().answers());
        tasks.spawn(world.clone().beats());
        world
    }

    pub(crate) fn bus(&self) -> Bus {
        self.0.bus.clone()
    }

    /// What they know, to be looked at and changed.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    // ---- what there is

    /// An account with a session that `token` opens.
    pub(crate) fn account(&self, token: &str, user: u64) -> Caller {
        self.session(token, user, user + 500_000)
    }

    /// A further session of an account.
    pub(crate) fn session(&self, token: &str, user: u64, session: u64) -> Caller {
        let caller = Caller {
            user: UserId::new(user).unwrap(),
            session: SessionId::new(session).unwrap(),
            kind: CallerKind::Person,
        };
        let mut state = self.state();
        state.tokens.insert(super::token(token), caller.clone());
        state.logs.entry(user).or_default();
        caller
    }

    /// Makes an account a member of a server, in which it alone, and others that
    /// were named so, see these channels.
    pub(crate) fn member(&self, server: u64, user: u64, channels: &[u64]) {
        let mut state = self.state();
        let since = state.logs.entry(server).or_default().len() as u64;
        let found = state.server(server);
        for channel in channels.iter().filter_map(|id| ChannelId::new(*id)) {
            let overrides = found.structure.channels.entry(channel).or_default();
            overrides.push(sees(user));
        }
        let standing = Standing {
            user: UserId::new(user).unwrap(),
            roles: Vec::new(),
            since,
            changed: 0,
        };
        found.members.insert(standing.user, standing);
    }

    /// The membership begins with this event.
    pub(crate) fn begin(&self, server: u64, user: u64, since: u64) {
        let mut state = self.state();
        let members = &mut state.server(server).members;
        members.get_mut(&UserId::new(user).unwrap()).unwrap().since = since;
    }

    /// Makes changes of rights true, and writes the event that says so.
    pub(crate) fn change(
        &self,
        server: u64,
        channel: Option<u64>,
        changes: Vec<Change>,
    ) -> Envelope {
        let mut state = self.state();
        let seq = state.logs.entry(server).or_default().len() as u64 + 1;
        let found = state.server(server);
        let follows = found.version;
        for change in &changes {
            found.structure.apply(change, false);
            if change.is_structural() {
                found.version = seq;
            }
            if let Change::Left { user, .. } = change {
                found.members.remove(user);
            }
        }
        drop(state);
        self.write(server, channel, Some(Effect::Rights { follows, changes }))
    }

    /// Forgets the oldest events of a log.
    pub(crate) fn trim(&self, topic: u64, up_to: u64) {
        self.state().trimmed.insert(topic, up_to);
    }

    /// The log goes back, as after a restore from a backup.
    pub(crate) fn restore(&self, topic: u64, head: usize) {
        let mut state = self.state();
        state.logs.get_mut(&topic).unwrap().truncate(head);
        state.moved.clear();
    }

    /// A body of so many bytes.
    pub(crate) fn large(bytes: usize) -> Bytes {
        shared::protocol::encode(&"x".repeat(bytes)).into()
    }

    /// Waits until a snapshot was taken and is not answered.
    pub(crate) async fn snapshot_held(&self) {
        super::until("a snapshot is held", async || {
            self.state().snapshots_held.is_some_and(|held| held > 0)
        })
        .await;
    }

    pub(crate) fn forget_requests(&self) {
        let mut state = self.state();
        state.commands.clear();
        state.queries.clear();
        state.asked.clear();
    }

    // ---- events

    /// Writes an event to the log without publishing it.
    pub(crate) fn write(
        &self,
        topic: u64,
        channel: Option<u64>,
        effect: Option<Effect>,
    ) -> Envelope {
        let mut state = self.state();
        let log = state.logs.entry(topic).or_default();
        let seq = log.len() as u64 + 1;
        let envelope = envelope(topic, seq, channel, effect);
        log.push(envelope.clone());
        state.moved.insert(topic);
        envelope
    }

    /// Publishes events.
    pub(crate) async fn publish(&self, envelopes: &[Envelope]) {
        for envelope in envelopes {
            let message = pack(&Published {
                epoch: epoch_number("epoch"),
                head: envelope.seq.max(envelope.after),
                events: vec![envelope.clone()],
                registers: 0,
            });
            self.0
                .bus
                .publish(vec![(Topic::Events(envelope.topic), message)])
                .await
                .unwrap();
        }
    }

    /// Writes and publishes an event; answers its place.
    pub(crate) async fn emit(
        &self,
        topic: u64,
        channel: Option<u64>,
        effect: Option<Effect>,
    ) -> u64 {
        let envelope = self.write(topic, channel, effect);
        self.publish(std::slice::from_ref(&envelope)).await;
        envelope.seq
    }

    /// Publishes something that is not stored.
    pub(crate) async fn signal(&self, topic: u64, channel: Option<u64>) {
        let after = self.state().logs[&topic].len() as u64;
        let signal = Envelope {
            after,
            ..envelope(topic, 0, channel, None)
        };
        self.publish(&[signal]).await;
    }

    // ---- lanes

    async fn beats(self) {
        self.live().await;
        loop {
            self.beat().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The worker that they belong to lives.
    async fn live(&self) {
        let node = Node {
            name: "worker-1".to_owned(),
            version: VERSION.to_owned(),
            load: 64,
            level: LEVEL,
            ..Node::default()
        };
        let lease = NodeLease {
            kind: NodeKind::Worker,
            process: "1".to_owned(),
            ttl: Duration::from_hours(1),
        };
        lease
            .renew(&self.bus(), &super::keys(), &node)
            .await
            .unwrap();
    }

    /// One beat of all partitions.
    pub(crate) async fn beat(&self) {
        let epoch = epoch_number("epoch");
        let (beat, heads) = {
            let mut state = self.state();
            state.number += 1;
            if !state.beating {
                return;
            }
            let heads: Vec<(u64, u64)> = std::mem::take(&mut state.moved)
                .into_iter()
                .map(|topic| (topic, state.logs[&topic].len() as u64))
                .collect();
            let partitions = Partition::all().map(|partition| PartitionBeat {
                partition,
                term: state.term,
                number: state.number,
                backlog: state.backlog,
            });
            let partitions = partitions.collect();
            (Beat { epoch, partitions }, heads)
        };
        let heads = heads.into_iter().map(|(topic, head)| {
            let published = Published {
                epoch,
                head,
                events: Vec::new(),
                registers: 0,
            };
            (Topic::Events(topic), pack(&published))
        });
        let messages = heads.chain([(Topic::Beats, pack(&beat))]).collect();
        self.0.bus.publish(messages).await.unwrap();
    }

    async fn lanes(self) {
        let mut reader = self.0.bus.reader().await.unwrap();
        let mut places: BTreeMap<Partition, StreamId> = Partition::all()
            .map(|partition| (partition, StreamId::default()))
            .collect();
        loop {
            let after: Vec<_> = places.iter().map(|(p, id)| (*p, *id)).collect();
            let entries = reader
                .read(&after, 256, Duration::from_mins(1))
                .await
                .unwrap();
            for entry in entries {
                places.insert(entry.partition, entry.id);
                let way = Way::Lane(entry.partition);
                if let Ok(command) = Entry::read(&entry.bytes, way, &super::keys()) {
                    self.execute(entry.partition, command).await;
                }
            }
        }
    }

    async fn execute(&self, partition: Partition, command: Entry) {
        let expected = if command.scope == 0 {
            command.caller.as_ref().unwrap().user.partition()
        } else {
            Partition::of(command.scope)
        };
        assert_eq!(partition, expected);
        let lanes = self.state().lanes;
        self.state().commands.push(command.clone());
        if lanes == Lanes::Echo {
            let payload = frame::reply(0, &command.body);
            self.answer(&command, &payload).await;
        }
    }

    /// Answers a command as its lane would.
    pub(crate) async fn answer(&self, command: &Entry, payload: &[u8]) {
        let answer = Answer {
            connection: command.connection,
            ticket: command.ticket,
            payload: ByteBuf::from(payload),
        };
        let topic = Topic::Node(command.node.clone());
        let sealed = seal(&vec![answer], &topic, &super::keys()).unwrap();
        self.0.bus.publish(vec![(topic, sealed)]).await.unwrap();
    }

    // ---- queries

    async fn answers(self) {
        let mut reader = self.0.bus.reader().await.unwrap();
        let tasks = tokio_util::task::TaskTracker::new();
        loop {
            let wait = Duration::from_mins(1);
            let taken = reader.take_query(&Class::ALL, End::Oldest, wait).await;
            let Some(taken) = taken.unwrap() else {
                continue;
            };
            let entry = Entry::read(&taken.bytes, Way::Query, &super::keys()).unwrap();
            let world = self.clone();
            tasks.spawn(async move { world.answer_query(entry).await });
        }
    }

    async fn answer_query(&self, entry: Entry) {
        let bytes = if entry.opcode == 0 {
            let query: NodeQuery = unpack(&entry.body).unwrap();
            self.state().asked.push(query.clone());
            while matches!(query, NodeQuery::Structures { .. }) && self.state().structures_stopped {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let opens = matches!(query, NodeQuery::Open { .. } | NodeQuery::Topic { .. });
            let answer = self.node(query);
            self.hold(opens).await;
            pack(&answer)
        } else {
            let mut state = self.state();
            state.queries.push(entry.clone());
            if let Some(bytes) = state.answer_bytes {
                // Binary data with a head of five bytes.
                let body = ByteBuf::from(vec![7; bytes - 5]);
                Bytes::from(frame::reply(0, &shared::protocol::encode(&body)))
            } else {
                let body = state.answer_body.as_ref().unwrap_or(&entry.body);
                Bytes::from(frame::reply(0, body))
            }
        };
        let mut chunks = bytes.chunks(CHUNK_BYTES).peekable();
        let mut index = 0;
        while let Some(bytes) = chunks.next() {
            let chunk = Chunk {
                ticket: entry.ticket,
                index,
                last: chunks.peek().is_none(),
                bytes: bytes.to_vec(),
            };
            index += 1;
            let topic = Topic::Chunks(entry.node.clone());
            let sealed = seal(&chunk, &topic, &super::keys()).unwrap();
            self.0.bus.publish(vec![(topic, sealed)]).await.unwrap();
        }
    }

    async fn hold(&self, opens: bool) {
        if let Some(held) = &mut self.state().snapshots_held
            && opens
        {
            *held += 1;
        }
        while opens && self.state().snapshots_held.is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn node(&self, query: NodeQuery) -> NodeAnswer {
        let state = self.state();
        match query {
            NodeQuery::Open { token, resume } => match state.tokens.get(&token) {
                Some(caller) => NodeAnswer::Opened(state.open(caller, resume)),
                None => NodeAnswer::Unauthenticated,
            },
            NodeQuery::Identify { token } => match state.tokens.get(&token) {
                Some(caller) => NodeAnswer::Identified(caller.clone()),
                None => NodeAnswer::Unauthenticated,
            },
            NodeQuery::Topic { user, server } => NodeAnswer::Topic(
                state
                    .standing(server.get(), user)
                    .map(|standing| state.open_topic(server.get(), Some(standing), None)),
            ),
            NodeQuery::Events { topic, after, .. } => {
                let log = state.logs.get(&topic).cloned().unwrap_or_default();
                let head = log.len() as u64;
                let too_old = state
                    .trimmed
                    .get(&topic)
                    .is_some_and(|up_to| after < *up_to);
                let events = if too_old {
                    Vec::new()
                } else {
                    // Small pages, so that paging is tested.
                    let from = usize::try_from(after).unwrap().min(log.len());
                    log[from..].iter().take(50).cloned().collect()
                };
                NodeAnswer::Events {
                    events,
                    head,
                    too_old,
                }
            }
            NodeQuery::Heads { topics } => NodeAnswer::Heads {
                epoch: epoch_number("epoch"),
                topics: topics
                    .into_iter()
                    .filter_map(|topic| {
                        let seq = state.logs.get(&topic)?.len() as u64;
                        Some(TopicSeq { topic, seq })
                    })
                    .collect(),
                registers: Vec::new(),
            },
            NodeQuery::Structures { servers } => NodeAnswer::Structures {
                epoch: epoch_number("epoch"),
                servers: servers
                    .into_iter()
                    .filter_map(|(server, users)| state.structure(server.get(), &users))
                    .collect(),
            },
            NodeQuery::Changes {
                topic,
                after,
                until,
            } => {
                let log = state.logs.get(&topic).cloned().unwrap_or_default();
                let within = log
                    .into_iter()
                    .filter(|event| event.seq > after && event.seq <= until);
                let changes = within.filter_map(|event| Some((event.seq, event.effect?)));
                NodeAnswer::Changes(Some(changes.collect()))
            }
        }
    }
}

impl State {
    fn open(&self, caller: &Caller, resume: Option<(String, Vec<TopicSeq>)>) -> Opened {
        let places: HashMap<u64, u64> = resume
            .iter()
            .filter(|(epoch, _)| epoch == "epoch")
            .flat_map(|(_, places)| places)
            .map(|place| (place.topic, place.seq))
            .collect();
        let user = caller.user.get();
        let mut topics = vec![self.open_topic(user, None, places.get(&user))];
        for server in self.servers.keys() {
            if let Some(standing) = self.standing(*server, caller.user) {
                topics.push(self.open_topic(*server, Some(standing), places.get(server)));
            }
        }
        if resume.is_some_and(|(epoch, _)| epoch != "epoch") {
            for topic in &mut topics {
                topic.gap = true;
            }
        }
        Opened {
            caller: caller.clone(),
            user: User {
                user_id: caller.user,
                name: format!("user-{user}"),
                guest: false,
                admin: false,
                avatar: String::new(),
                deleted: false,
            },
            epoch: "epoch".to_owned(),
            servers: Vec::new(),
            topics,
            registers: 0,
            status: Some(AccountStatus::default()),
            push: false,
        }
    }

    fn head(&self, topic: u64) -> u64 {
        self.logs.get(&topic).map_or(0, |log| log.len() as u64)
    }

    fn open_topic(&self, topic: u64, standing: Option<Standing>, place: Option<&u64>) -> OpenTopic {
        OpenTopic {
            topic,
            head: self.head(topic),
            replay_after: place.copied(),
            gap: false,
            standing,
        }
    }

    /// A server that nobody owns and nobody sees anything of, at first.
    fn server(&mut self, id: u64) -> &mut Server {
        self.servers.entry(id).or_insert_with(|| Server {
            structure: Structure {
                server: server(id),
                owner: user(999_999),
                roles: BTreeMap::new(),
                channels: BTreeMap::new(),
                announcements: BTreeSet::new(),
            },
            version: 0,
            members: BTreeMap::new(),
        })
    }

    fn standing(&self, server: u64, user: UserId) -> Option<Standing> {
        self.servers.get(&server)?.members.get(&user).cloned()
    }

    fn structure(&self, server: u64, users: &[UserId]) -> Option<OpenStructure> {
        let found = self.servers.get(&server)?;
        let log = self.logs.get(&server)?;
        let settled = log.iter().rfind(|event| event.effect.is_some());
        Some(OpenStructure {
            head: self.head(server),
            version: found.version,
            settled: settled.map_or(0, |event| event.seq),
            structure: found.structure.clone().reduced(),
            standings: users
                .iter()
                .filter_map(|user| found.members.get(user).cloned())
                .collect(),
        })
    }
}

/// Lets a member see a channel.
pub(crate) fn sees(user: u64) -> Override {
    Override {
        kind: TargetKind::Member,
        target: user,
        allow: Permissions::VIEW_CHANNEL,
        deny: Permissions::empty(),
    }
}

/// An event; its body is its place.
pub(crate) fn envelope(
    topic: u64,
    seq: u64,
    channel: Option<u64>,
    effect: Option<Effect>,
) -> Envelope {
    // [channel, message], as in "message_deleted".
    let channel_id = ChannelId::new(channel.unwrap_or(1)).unwrap();
    let body = shared::protocol::encode(&(channel_id, seq.max(1)));
    Envelope {
        topic,
        seq,
        after: 0,
        visibility: channel,
        audience: None,
        key: None,
        effect: effect.map(|effect| ByteBuf::from(pack(&effect).to_vec())),
        opcode: 18,
        body: body.into(),
        trace: None,
    }
}

pub(crate) fn server(id: u64) -> ServerId {
    ServerId::new(id).unwrap()
}

pub(crate) fn user(id: u64) -> UserId {
    UserId::new(id).unwrap()
}
