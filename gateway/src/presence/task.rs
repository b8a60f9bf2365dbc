//! The task that owns presence: hears sessions and the bus, tells the bus and the shards.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use shared::{
    bus::{Bus, Delivery, Subscriber, Topic},
    clock::Clock,
    ids::{ServerId, UserId},
    keys::ClusterKeys,
    presence::{Accounts, PIECE, Told, Union},
    protocol::presence::{MemberPresence, PresenceChange, PresenceState},
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{ToPresence, Watching, own::OwnAccounts};
use crate::{
    delivery::{
        message::{NewWatch, PresenceChanges, ToShard},
        shards::Shards,
    },
    metrics::Metrics,
};

/// How often time is looked at; every second time something is told.
const TICK: Duration = Duration::from_millis(500);
/// What this gateway tells comes back to it: for so long after the last time, others count as
/// heard, too.
const HEARS: Duration = Duration::from_secs(3);
/// Messages that wait for Redis: a second's worth, and the one before it. What finds no room
/// is a hole, which listeners ask for.
const OUTGOING: usize = 2;
/// Leavings that are remembered, for the watches that are under way meanwhile.
const MAX_LEFT: usize = 65_536;
/// How long they are: longer than any answer takes.
const KEEP_LEFT: Duration = Duration::from_mins(1);
/// How long an answer to a watch may differ from what this gateway knows before it is corrected: a
/// worker that was ahead said what is to come here, and is right by then.
const HELD: Duration = Duration::from_millis(250);
/// Accounts whose answers are held so; further answers are corrected at once.
const MAX_HELD: usize = 65_536;
/// How many messages of sessions, or of the bus, a turn takes.
const TURN: usize = 256;

/// What the task is built with.
pub struct PresenceTask {
    /// The incarnation.
    pub name: String,
    /// Where it tells and hears.
    pub bus: Bus,
    /// What seals what is told.
    pub keys: ClusterKeys,
    /// The time that statuses end by.
    pub clock: Clock,
    /// Who tells those that watch.
    pub shards: Shards,
    /// What is counted.
    pub metrics: Metrics,
}

/// What a connection was answered of accounts that look otherwise here.
struct Held {
    since: Instant,
    /// The connection, and its shard.
    to: (u64, usize),
    accounts: Vec<(UserId, PresenceState)>,
}

/// What the task knows.
struct State {
    task: PresenceTask,
    own: OwnAccounts,
    union: Union,
    /// The number of what was told last.
    number: u64,
    /// Somebody asked for all that this gateway has.
    asked: bool,
    /// When this gateway last heard itself.
    heard: Option<Instant>,
    /// Who left a server, and when that was heard; nobody where it is not known who did.
    left: VecDeque<(Instant, ServerId, Option<UserId>)>,
    /// Up to when leavings are forgotten.
    forgotten: Instant,
    /// The answers that differ, the oldest first.
    held: VecDeque<Held>,
    /// The accounts of all of them together.
    held_accounts: usize,
    outgoing: mpsc::Sender<Vec<Bytes>>,
}

impl PresenceTask {
    /// Runs until nobody can tell it anything any more.
    pub async fn run(self, mut inbox: mpsc::Receiver<ToPresence>, mut subscriber: Subscriber) {
        let (outgoing, publications) = mpsc::channel(OUTGOING);
        let publishing = publish_all(self.bus.clone(), publications);
        let mut state = State {
            task: self,
            own: OwnAccounts::default(),
            union: Union::default(),
            number: 0,
            asked: false,
            heard: None,
            left: VecDeque::new(),
            forgotten: Instant::now(),
            held: VecDeque::new(),
            held_accounts: 0,
            outgoing,
        };
        tokio::join!(publishing, async move {
            state.serve(&mut inbox, &mut subscriber).await;
        });
    }
}

/// Publishes one after the other: what waits for Redis must not keep sessions waiting.
async fn publish_all(bus: Bus, mut publications: mpsc::Receiver<Vec<Bytes>>) {
    while let Some(messages) = publications.recv().await {
        let messages = messages.into_iter().map(|bytes| (Topic::Presence, bytes));
        if let Err(error) = bus.publish(messages.collect()).await {
            // Who missed it finds the hole.
            tracing::debug!(%error, "presence was not published");
        }
    }
}

impl State {
    async fn serve(&mut self, inbox: &mut mpsc::Receiver<ToPresence>, subscriber: &mut Subscriber) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut fresh, mut heard) = (Vec::with_capacity(TURN), Vec::with_capacity(TURN));
        let mut last = Instant::now();
        let (mut hears, mut odd) = (true, false);
        loop {
            tokio::select! {
                now = ticks.tick() => {
                    self.pass_time(now.saturating_duration_since(last), now);
                    last = now;
                    odd = !odd;
                    if odd {
                        self.tell(now).await;
                    }
                }
                count = inbox.recv_many(&mut fresh, TURN) => {
                    if count == 0 {
                        return;
                    }
                    for message in fresh.drain(..) {
                        self.take_message(message, Instant::now()).await;
                    }
                }
                count = subscriber.next_many(&mut heard, TURN), if hears => {
                    hears = count > 0;
                    for delivery in heard.drain(..) {
                        self.hear(&delivery, Instant::now());
                    }
                }
            }
            tokio::task::consume_budget().await;
        }
    }

    async fn take_message(&mut self, message: ToPresence, now: Instant) {
        match message {
            ToPresence::Opened {
                connection_id,
                user,
                status,
            } => self.own.open_session(connection_id, user, status),
            ToPresence::Settled(connection_id) => self.own.settle_session(connection_id),
            ToPresence::Idle(connection_id, idle) => self.own.set_idle(connection_id, idle),
            ToPresence::Ended(connection_id, goodbye) => {
                self.own.end_session(connection_id, goodbye, now);
            }
            ToPresence::Status(user, status) => self.own.set_status(user, status),
            ToPresence::Left(server, user) => self.end_watches(server, user, now).await,
            ToPresence::Watch(watching) => self.start_watch(*watching, now).await,
        }
    }

    fn hear(&mut self, delivery: &Delivery, now: Instant) {
        let Delivery::Message(_, bytes) = delivery else {
            return;
        };
        match Told::open(bytes, &self.task.keys) {
            Ok(Told::Ask { gateways }) => self.asked |= gateways.contains(&self.task.name),
            Ok(Told::Changes { gateway, .. } | Told::Whole { gateway, .. })
                if gateway == self.task.name =>
            {
                self.heard = Some(now);
            }
            Ok(told) => self.union.hear(told),
            Err(error) => {
                self.task.metrics.garbled_total.inc();
                tracing::warn!(%error, "a word about presence cannot be read");
            }
        }
    }

    fn pass_time(&mut self, passed: Duration, now: Instant) {
        self.own.tick(now, self.task.clock.now_ms());
        let hears = self
            .heard
            .is_some_and(|at| now.saturating_duration_since(at) < HEARS);
        let gone = self.union.pass_time(passed, hears) as u64;
        let metrics = &self.task.metrics;
        metrics.presence_silent_total.inc_by(gone);
        metrics.presence_holes_total.inc_by(self.union.take_holes());
        while let Some((at, ..)) = self.left.front()
            && now.saturating_duration_since(*at) > KEEP_LEFT
        {
            self.left.pop_front();
        }
    }

    /// Tells the bus what changed here, and the shards what changed anywhere.
    async fn tell(&mut self, now: Instant) {
        let metrics = self.task.metrics.clone();
        self.number += 1;
        let changes = self.own.take_changes();
        metrics.presence_changes_total.inc_by(changes.len() as u64);
        let told = Told::Changes {
            gateway: self.task.name.clone(),
            number: self.number,
            accounts: Accounts::new(changes),
        };
        let mut outgoing = vec![told.clone()];
        self.union.hear(told);
        if std::mem::take(&mut self.asked) {
            metrics.presence_wholes_total.inc();
            outgoing.extend(self.write_whole());
        }
        let gateways = if self.heard.is_some() {
            self.union.take_questions()
        } else {
            Vec::new()
        };
        if !gateways.is_empty() {
            metrics.presence_questions_total.inc();
            outgoing.push(Told::Ask { gateways });
        }
        self.send(&outgoing);
        let count = i64::try_from(self.union.len()).unwrap_or(i64::MAX);
        metrics.presence_accounts.set(count);
        self.tell_shards(now).await;
        self.correct_held(now).await;
    }

    /// All that this gateway has, in parts.
    fn write_whole(&self) -> Vec<Told> {
        let all = self.own.list_told();
        let count = all.len().div_ceil(PIECE).max(1);
        let parts = (0_u32..).zip(0..count).map(|(piece, place)| {
            let rest = all.get(place * PIECE..).unwrap_or_default();
            let part = rest.get(..PIECE).unwrap_or(rest);
            Told::Whole {
                gateway: self.task.name.clone(),
                number: self.number,
                piece,
                last: place + 1 == count,
                accounts: Accounts::new(part.iter().copied()),
            }
        });
        parts.collect()
    }

    fn send(&self, messages: &[Told]) {
        let sealed: Result<Vec<Bytes>, _> = messages
            .iter()
            .map(|told| told.seal(&self.task.keys))
            .collect();
        match sealed {
            Ok(sealed) => {
                if self.outgoing.try_send(sealed).is_err() {
                    tracing::debug!("presence waits for Redis");
                }
            }
            Err(error) => tracing::error!(%error, "presence cannot be sealed"),
        }
    }

    async fn tell_shards(&mut self, now: Instant) {
        let changes = self.union.take_changes();
        if changes.is_empty() {
            return;
        }
        let changes = Arc::new(PresenceChanges { changes, at: now });
        for shard in 0..self.task.shards.count() {
            let message = ToShard::Presence(Arc::clone(&changes), 0);
            self.task.shards.tell(shard, message).await;
        }
    }

    /// Corrects the answers that were wrong. What the union has now all shards were told, so nobody
    /// hears of a state that was here before.
    async fn correct_held(&mut self, now: Instant) {
        while let Some(held) = self.held.front()
            && now.saturating_duration_since(held.since) >= HELD
        {
            let Some(held) = self.held.pop_front() else {
                return;
            };
            self.held_accounts -= held.accounts.len();
            self.correct(held.to, held.accounts).await;
        }
    }

    async fn correct(&self, (connection, shard): (u64, usize), said: Vec<(UserId, PresenceState)>) {
        let now = said.into_iter().map(|(user_id, said)| {
            let state = self.union.told_state(user_id);
            (state != said).then_some(PresenceChange { user_id, state })
        });
        let changes: Vec<_> = now.flatten().collect();
        if !changes.is_empty() {
            let message = ToShard::Correct(connection, changes);
            self.task.shards.tell(shard, message).await;
        }
    }

    /// Nobody watches this account in this server any more. Where it is not known who left, the
    /// shards end all watches there by themselves.
    async fn end_watches(&mut self, server: ServerId, user: Option<UserId>, now: Instant) {
        self.left.push_back((now, server, user));
        if self.left.len() > MAX_LEFT
            && let Some((at, ..)) = self.left.pop_front()
        {
            self.forgotten = at;
        }
        let Some(user) = user else {
            return;
        };
        for shard in 0..self.task.shards.count() {
            let message = ToShard::Unwatch(server.get(), user.get());
            self.task.shards.tell(shard, message).await;
        }
    }

    /// Has a shard tell a connection from now on. Between the worker's look and this moment
    /// somebody may have come, gone or left the server.
    async fn start_watch(&mut self, watching: Watching, now: Instant) {
        let Watching {
            connection,
            server,
            opcode,
            request,
            payload,
            members,
            asked,
        } = watching;
        let since = self.left.iter().rev().take_while(|(at, ..)| *at >= asked);
        let left: HashSet<Option<UserId>> = since
            .filter(|(_, from, _)| *from == server)
            .map(|(.., who)| *who)
            .collect();
        let stays = |it: &&MemberPresence| !left.contains(&Some(it.user_id));
        let accounts: Vec<_> = members.iter().filter(stays).collect();
        let watch = NewWatch {
            connection_id: connection.id,
            server: server.get(),
            opcode,
            request,
            payload,
            complete: asked > self.forgotten && !left.contains(&None),
            accounts: accounts.iter().map(|it| it.user_id.get()).collect(),
        };
        // As the shards were told: what changed since, they are told with the next tick.
        let differs = |it: &&MemberPresence| self.union.told_state(it.user_id) != it.state;
        let differing: Vec<_> = accounts
            .into_iter()
            .filter(differs)
            .map(|it| (it.user_id, it.state))
            .collect();
        let message = ToShard::Watch(Box::new(watch));
        self.task.shards.tell(connection.shard, message).await;
        let to = (connection.id, connection.shard);
        if self.held_accounts + differing.len() > MAX_HELD {
            self.correct(to, differing).await;
        } else if !differing.is_empty() {
            self.held_accounts += differing.len();
            self.held.push_back(Held {
                since: now,
                to,
                accounts: differing,
            });
        }
    }
}
