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
    keys::{ClusterKeys, NoRandomness},
    presence::{Accounts, PIECE, Told},
    protocol::presence::MemberPresence,
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{ToPresence, Watching, outlook::Outlook, own::OwnAccounts};
use crate::{
    connection::Connection,
    delivery::{
        message::{NewWatch, PresenceChanges, ToShard},
        shards::Shards,
    },
    metrics::Metrics,
};

/// How often time is looked at; every second time something is told.
const TICK: Duration = Duration::from_millis(500);
/// Messages that wait for Redis: a second's worth, and the one before it. What finds no room
/// is a hole, which listeners ask for.
const OUTGOING: usize = 2;
/// Processes that are told all for themselves in a second.
const MAX_ASKERS: usize = 3;
/// Leavings that are remembered, for the watches that are under way meanwhile.
const MAX_LEFT: usize = 65_536;
/// How long they are: longer than any answer takes.
const KEEP_LEFT: Duration = Duration::from_mins(1);
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

/// What the task knows.
struct State {
    task: PresenceTask,
    own: OwnAccounts,
    outlook: Outlook,
    /// The number of what was told last.
    number: u64,
    /// Who asked for all that this gateway has.
    askers: Askers,
    /// Connections whose devices are used, or are not any more.
    idle: Vec<Arc<Connection>>,
    /// Who left a server, and when that was heard; nobody where it is not known who did.
    left: VecDeque<(Instant, ServerId, Option<UserId>)>,
    /// Up to when leavings are forgotten.
    forgotten: Instant,
    outgoing: mpsc::Sender<Vec<(Topic, Bytes)>>,
}

impl PresenceTask {
    /// Runs until nobody can tell it anything any more.
    pub async fn run(self, mut inbox: mpsc::Receiver<ToPresence>, mut subscriber: Subscriber) {
        let (outgoing, publications) = mpsc::channel(OUTGOING);
        let publishing = publish_all(self.bus.clone(), publications);
        let mut state = State {
            task: self,
            own: OwnAccounts::default(),
            outlook: Outlook::default(),
            number: 0,
            askers: Askers::default(),
            idle: Vec::new(),
            left: VecDeque::new(),
            forgotten: Instant::now(),
            outgoing,
        };
        tokio::join!(publishing, async move {
            state.serve(&mut inbox, &mut subscriber).await;
        });
    }
}

/// Who asked for all that this gateway has, and hears it for himself. Where many did, all hear it:
/// that is less to seal and to send.
#[derive(Debug, Default, PartialEq, Eq)]
struct Askers(Vec<String>);

impl Askers {
    /// One more; without a name it hears only what all hear.
    fn add(&mut self, asker: String) {
        if self.0.len() <= MAX_ASKERS && !self.0.contains(&asker) {
            self.0.push(asker);
        }
    }

    /// Where it is to be told.
    fn topics(self) -> Vec<Topic> {
        if self.0.len() > MAX_ASKERS || self.0.iter().any(String::is_empty) {
            return vec![Topic::Presence];
        }
        self.0.into_iter().map(Topic::Asker).collect()
    }
}

/// Publishes one after the other: what waits for Redis must not keep sessions waiting.
async fn publish_all(bus: Bus, mut publications: mpsc::Receiver<Vec<(Topic, Bytes)>>) {
    while let Some(messages) = publications.recv().await {
        if let Err(error) = bus.publish(messages).await {
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
                connection,
                user,
                status,
            } => {
                let idle = connection.take_idle();
                self.own.open_session(connection.id, user, status, idle);
            }
            ToPresence::Settled(connection_id) => self.own.settle_session(connection_id),
            // Looked at with the next tick: until then it is said once.
            ToPresence::Idle(connection) => self.idle.push(connection),
            ToPresence::Ended(connection_id, goodbye) => {
                self.own.end_session(connection_id, goodbye, now);
            }
            ToPresence::Status(user, status) => self.own.set_status(user, status),
            ToPresence::Left(server, user) => self.end_watches(server, user, now).await,
            ToPresence::Watch(watching) => self.start_watch(*watching, now).await,
        }
    }

    fn hear(&mut self, delivery: &Delivery, now: Instant) {
        let Delivery::Message(topic, bytes) = delivery else {
            return;
        };
        match Told::open(bytes, topic, &self.task.keys, self.task.clock.now_ms()) {
            Ok(Told::Ask {
                gateways, asker, ..
            }) => {
                if gateways.contains(&self.task.name) {
                    self.askers.add(asker);
                }
            }
            Ok(Told::Changes { gateway, .. } | Told::Whole { gateway, .. })
                if gateway == self.task.name =>
            {
                self.outlook.hear_itself(now);
            }
            Ok(told) => self.outlook.hear(told),
            Err(error) => {
                self.task.metrics.garbled_total.inc();
                tracing::warn!(%error, "a word about presence cannot be read");
            }
        }
    }

    fn pass_time(&mut self, passed: Duration, now: Instant) {
        for connection in self.idle.drain(..) {
            self.own.set_idle(connection.id, connection.take_idle());
        }
        self.own.tick(now, self.task.clock.now_ms());
        let gone = self.outlook.pass_time(passed, now) as u64;
        let metrics = &self.task.metrics;
        metrics.presence_silent_total.inc_by(gone);
        metrics
            .presence_holes_total
            .inc_by(self.outlook.union.take_holes());
        while let Some((at, ..)) = self.left.front()
            && now.saturating_duration_since(*at) > KEEP_LEFT
        {
            self.left.pop_front();
        }
    }

    /// Tells the bus what changed here, and the shards what changed anywhere.
    async fn tell(&mut self, now: Instant) {
        let metrics = self.task.metrics.clone();
        let at = self.task.clock.now_ms();
        self.number += 1;
        let changes = self.own.take_changes(now);
        metrics.presence_changes_total.inc_by(changes.len() as u64);
        let told = Told::Changes {
            gateway: self.task.name.clone(),
            number: self.number,
            accounts: Accounts::new(changes),
            at,
        };
        let mut outgoing = vec![(Topic::Presence, told.clone())];
        self.outlook.hear(told);
        for topic in std::mem::take(&mut self.askers).topics() {
            metrics.presence_wholes_total.inc();
            let whole = self.write_whole(at).into_iter();
            outgoing.extend(whole.map(|part| (topic.clone(), part)));
        }
        let gateways = if self.outlook.has_heard() {
            self.outlook.union.take_questions()
        } else {
            Vec::new()
        };
        if !gateways.is_empty() {
            metrics.presence_questions_total.inc();
            let asker = self.task.name.clone();
            let question = Told::Ask {
                gateways,
                asker,
                at,
            };
            outgoing.push((Topic::Presence, question));
        }
        self.send(&outgoing);
        let count = i64::try_from(self.outlook.union.len()).unwrap_or(i64::MAX);
        metrics.presence_accounts.set(count);
        self.tell_shards(now).await;
    }

    /// All that this gateway has, in parts.
    fn write_whole(&self, at: u64) -> Vec<Told> {
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
                at,
            }
        });
        parts.collect()
    }

    fn send(&self, messages: &[(Topic, Told)]) {
        let seal = |(topic, told): &(Topic, Told)| {
            let sealed = told.seal(topic, &self.task.keys)?;
            Ok::<_, NoRandomness>((topic.clone(), sealed))
        };
        let sealed: Result<Vec<_>, _> = messages.iter().map(seal).collect();
        match sealed {
            Ok(sealed) => {
                if self.outgoing.try_send(sealed).is_err() {
                    tracing::debug!("presence waits for Redis");
                }
            }
            Err(error) => tracing::error!(%error, "presence cannot be sealed"),
        }
    }

    /// Tells them that a second is over, also where nothing changed: those who were not told of the
    /// last one's changes yet wait for it.
    async fn tell_shards(&mut self, now: Instant) {
        let changes = self.outlook.take_changes(now);
        let changes = Arc::new(PresenceChanges { changes, at: now });
        for shard in 0..self.task.shards.count() {
            let message = ToShard::Presence(Arc::clone(&changes));
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
        let compared = self.outlook.compare(&accounts, now);
        let watch = NewWatch {
            connection_id: connection.id,
            server: server.get(),
            opcode,
            request,
            payload,
            complete: asked > self.forgotten && !left.contains(&None) && compared,
            accounts: accounts
                .iter()
                .map(|it| (it.user_id.get(), it.state))
                .collect(),
        };
        let message = ToShard::Watch(Box::new(watch));
        self.task.shards.tell(connection.shard, message).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_told_for_himself_unless_many_ask() {
        let asked = |names: &[&str]| {
            let mut askers = Askers::default();
            for name in names {
                askers.add((*name).to_owned());
            }
            askers.topics()
        };
        let own = |name: &str| Topic::Asker(name.to_owned());
        assert_eq!(asked(&[]), []);
        assert_eq!(asked(&["a", "b", "a"]), [own("a"), own("b")]);
        assert_eq!(asked(&["a", "", "b"]), [Topic::Presence]);
        let many: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(asked(&many), [Topic::Presence]);
    }
}
