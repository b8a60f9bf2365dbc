//! The task that hears the bus, asks for what is missing, and tells the shards.

use shared::{
    bus::{
        Delivery, Subscriber, Topic,
        envelope::{Answer, Beat, NodeAnswer, NodeQuery, Published, unpack},
    },
    ids::ServerId,
    protocol::control::TopicSeq,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::task::TaskTracker;

use super::{
    message::{Fetched, ToFanout},
    outbox::Outbox,
    topic_router::{Fetch, ServerJoin, TopicRouter},
};
use crate::{
    bus_probe::ProbeState,
    delivery::{message::ToShard, shards::shard_of},
    metrics::Metrics,
    presence::Presence,
    requests::{
        entries::Entries, gateway_queries::refuse_answer, pending::PendingReplies, queries::Queries,
    },
};

/// How many messages of sessions may wait; whoever finds it full waits.
pub const INBOX: usize = 1_024;
/// How many answers to jobs may wait; bounded by the jobs.
pub const RESULTS: usize = 128;
/// How many bytes a repair reads at once.
const PAGE_BYTES: u32 = 1024 * 1024;
/// How many deliveries a turn takes: more mean more events per system call.
const TURN: usize = 256;

/// What the fan-out talks to.
pub struct Fanout {
    /// Its topics.
    pub router: TopicRouter,
    /// The shards.
    pub shards: Outbox,
    /// Asks for what is missing.
    pub queries: Queries,
    /// Opens the answers of lanes.
    pub entries: Entries,
    /// Who waits for the answers of lanes.
    pub replies: PendingReplies,
    /// Attaches sessions whose account joined a server to its topic.
    pub join_server: Box<dyn Fn(ServerJoin) + Send + Sync>,
    /// Hears who left, and how accounts want to look.
    pub presence: Presence,
    /// Hears the probes of the bus.
    pub probe_state: ProbeState,
    /// Where its tasks run.
    pub tasks: TaskTracker,
    /// Where its tasks put their answers.
    pub results: mpsc::Sender<Fetched>,
    /// What it counts.
    pub metrics: Metrics,
}

impl Fanout {
    /// Runs until no session and no bus can tell it anything any more.
    pub async fn run(
        mut self,
        mut subscriber: Subscriber,
        mut sessions: mpsc::Receiver<ToFanout>,
        mut results: mpsc::Receiver<Fetched>,
    ) {
        let mut turn = Vec::with_capacity(TURN);
        let mut hears = true;
        loop {
            let wake = self.router.next_tick();
            tokio::select! {
                count = subscriber.next_many(&mut turn, TURN), if hears => {
                    let now = Instant::now();
                    if count == 0 {
                        hears = false;
                        tracing::error!("the bus has ended");
                    }
                    for delivery in turn.drain(..) {
                        self.hear_delivery(delivery, now);
                    }
                }
                message = sessions.recv() => match message {
                    Some(message) => self.serve_session(message, Instant::now()),
                    None => return,
                },
                Some(done) = results.recv() => self.apply_fetched(done, Instant::now()),
                () = self.shards.wait_for_room(), if self.shards.is_waiting() => {}
                () = sleep_until(wake) => self.router.tick(Instant::now()),
            }
            self.run_jobs().await;
        }
    }

    fn hear_delivery(&mut self, delivery: Delivery, now: Instant) {
        match delivery {
            Delivery::Lost => {
                self.router.mark_all_dirty(now);
                self.replies.lose_answers();
                for shard in 0..self.shards.len() {
                    self.router.tell_shard(shard, ToShard::AnswersLost);
                }
            }
            Delivery::Message(Topic::Events(topic), bytes) => match unpack::<Published>(&bytes) {
                Ok(published) => {
                    let count = published.events.len() as u64;
                    self.metrics.events_in_total.inc_by(count);
                    self.router.hear_events(topic, published, now);
                }
                Err(error) => {
                    self.count_garbled("events", &error);
                    self.router.mark_dirty(|number, _| number == topic, now);
                }
            },
            Delivery::Message(topic @ Topic::Node(_), bytes) => {
                match self.entries.open_message::<Vec<Answer>>(&topic, &bytes) {
                    Ok(answers) => self.pass_answers(answers),
                    Err(error) => self.count_garbled("answers", &error),
                }
            }
            Delivery::Message(Topic::Beats, bytes) => match unpack::<Beat>(&bytes) {
                Ok(beat) => {
                    self.probe_state.note_beat(now);
                    self.router.hear_beat(&beat, now);
                }
                Err(error) => self.count_garbled("beat", &error),
            },
            Delivery::Message(Topic::Probe(_), bytes) => self.probe_state.note_probe(&bytes, now),
            Delivery::Message(Topic::Chunks(_) | Topic::Presence | Topic::Asker(_), _) => {}
        }
    }

    fn count_garbled(&self, what: &'static str, error: &dyn std::error::Error) {
        self.metrics.garbled_total.inc();
        tracing::warn!(what, %error, "a message on the bus cannot be read");
    }

    fn pass_answers(&mut self, answers: Vec<Answer>) {
        let count = self.shards.len();
        let mut by_shard: Vec<Vec<Answer>> = (0..count).map(|_| Vec::new()).collect();
        for answer in answers {
            if self.replies.complete_reply(&answer) {
                continue;
            }
            let shard = shard_of(answer.connection, count);
            if let Some(list) = by_shard.get_mut(shard) {
                list.push(answer);
            }
        }
        for (shard, answers) in by_shard.into_iter().enumerate() {
            if !answers.is_empty() {
                self.router.tell_shard(shard, ToShard::Answers(answers));
            }
        }
    }

    fn serve_session(&mut self, message: ToFanout, now: Instant) {
        match message {
            ToFanout::Attach(attach, reply) => self.router.attach_session(attach, reply, now),
            ToFanout::Leave(connection, topic) => {
                self.router.leave_topic_now(&connection, topic);
            }
            ToFanout::Release(connection, topic, reply) => {
                let release = ToShard::Release(connection.id, topic, reply);
                self.router.tell_shard(connection.shard, release);
            }
            ToFanout::Detach(connection) => self.router.detach_connection(&connection),
        }
    }

    fn apply_fetched(&mut self, done: Fetched, now: Instant) {
        match done {
            Fetched::Subscribed(topics) => self.router.note_subscribed(&topics, now),
            Fetched::Repaired {
                topic,
                after,
                answer,
            } => self.router.finish_repair(topic, after, answer, now),
            Fetched::Heads(asked, answer, registers) => {
                self.router.apply_heads(&asked, answer, now);
                for TopicSeq { topic, seq } in registers {
                    self.router.send_registers(topic, seq);
                }
            }
            Fetched::Structures(asked, answer) => self.router.apply_structures(&asked, answer, now),
        }
    }

    /// Does what the router left behind.
    async fn run_jobs(&mut self) {
        for job in self.router.jobs.drain(..) {
            let (queries, results) = (self.queries.clone(), self.results.clone());
            self.tasks.spawn(async move {
                // The fan-out ends only when the gateway does.
                drop(results.send(run_fetch(&queries, job).await).await);
            });
        }
        for joining in self.router.joining.drain(..) {
            (self.join_server)(joining);
        }
        self.shards.put_messages(&mut self.router.out).await;
        for message in self.router.presence.drain(..) {
            self.presence.tell(message).await;
        }
    }
}

async fn run_fetch(queries: &Queries, job: Fetch) -> Fetched {
    match job {
        Fetch::Repair { topic, after } => Fetched::Repaired {
            topic,
            after,
            answer: queries.read_events(topic, after, PAGE_BYTES).await,
        },
        Fetch::Heads(asked) => {
            let topics = asked.iter().map(|(topic, _)| *topic).collect();
            let answer = match queries.ask_for_gateway(&NodeQuery::Heads { topics }).await {
                Ok(NodeAnswer::Heads {
                    epoch,
                    topics,
                    registers,
                }) => (Ok((epoch, topics)), registers),
                other => (Err(refuse_answer(other)), Vec::new()),
            };
            Fetched::Heads(asked, answer.0, answer.1)
        }
        Fetch::Structures(asked) => {
            let numbers = asked.iter().map(|(number, _)| *number).collect();
            let servers = asked
                .into_iter()
                .filter_map(|(number, users)| Some((ServerId::new(number)?, users)))
                .collect();
            let answer = match queries
                .ask_for_gateway(&NodeQuery::Structures { servers })
                .await
            {
                Ok(NodeAnswer::Structures { epoch, servers }) => Ok((epoch, servers)),
                other => Err(refuse_answer(other)),
            };
            Fetched::Structures(numbers, answer)
        }
    }
}
