//! Opens sessions: asks for the snapshot, joins its topics, replays what was missed.
//!
//! Nothing falls between snapshot and stream: a session joins a topic at the
//! place where the fan-out stands, later events wait, and what lies between the
//! snapshot and that place is read from the log.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use shared::{
    bus::envelope::{Caller, Effect, Envelope, NodeAnswer, NodeQuery, OpenTopic, Opened},
    close::CloseCode,
    domain::permissions::{View, ViewId},
    error::Refusal,
    frame::opcode,
    ids::ServerId,
    protocol::control::{Cursor, Gap, Ready, TopicSeq},
};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::TaskTracker;

use crate::{
    dialect::Dialect,
    event::Event,
    fanout::{
        Exchange, events,
        message::{Attach, AttachTopic, ToFanout, ToShard},
        repair::Repaired,
        table::Joining,
        unexpected,
    },
    metrics::Metrics,
    queries::Queries,
    session::{Places, link::Link},
    shard::{topics::Sight, writers::Close},
};

/// How often a question is asked again when the cluster is busy.
const ATTEMPTS: u32 = 5;
/// How long to wait before the first repetition; twice as long with each further one.
const BACKOFF: Duration = Duration::from_millis(200);
/// How many sessions replay at once: each of them holds a page of a mebibyte.
const REPLAYS: usize = 64;

/// Opens sessions and topics. Clones share everything.
#[derive(Clone)]
pub struct Opener {
    queries: Queries,
    exchange: Exchange,
    metrics: Metrics,
    replays: Arc<Semaphore>,
    /// How many bytes are queued before the client has to have read them.
    slice_bytes: usize,
}

/// Why an opening ends early; the connection is closed already, or is about to be.
struct Ended;

/// A topic that a session follows up to the stream.
struct Following {
    topic: u64,
    /// Whose rights the view is of; none for the account's own topic.
    view: Option<(ViewId, Arc<View>)>,
    /// The head of the snapshot that the view is from.
    head: u64,
    /// Rights that change after this are not what the client's state was read with.
    floor: u64,
    /// What the client has.
    place: u64,
}

impl Following {
    /// Carries the client to this place.
    fn cursor(&self, dialect: Dialect) -> Bytes {
        let cursor = Cursor {
            topics: vec![TopicSeq {
                topic: self.topic,
                seq: self.place,
            }],
        };
        dialect.control(opcode::CURSOR, &cursor)
    }

    fn new(open: OpenTopic) -> Self {
        let OpenTopic {
            topic,
            head,
            replay_after,
            gap: _,
            view,
        } = open;
        Self {
            topic,
            view: view.map(|(id, view)| (id, Arc::new(view))),
            head,
            floor: head,
            place: replay_after.unwrap_or(head),
        }
    }

    fn sight(&self) -> Sight {
        self.view
            .as_ref()
            .map_or(Sight::All, |(_, view)| Sight::View(Arc::clone(view)))
    }

    fn attach(&self) -> AttachTopic {
        AttachTopic {
            topic: self.topic,
            head: self.head,
            place: self.place,
            view: self.view.clone(),
        }
    }
}

/// What an event of a replay asks for.
enum Turn {
    /// Go on.
    Next,
    /// The session's rights changed under its feet: begin anew with a gap.
    Gap,
    /// The view must be read again before this event is looked at.
    Look,
    /// The session has left the topic.
    Left,
}

impl Opener {
    /// Opens sessions with the answers of `queries`.
    pub fn new(queries: Queries, exchange: Exchange, metrics: Metrics, queue_bytes: usize) -> Self {
        Self {
            queries,
            exchange,
            metrics,
            replays: Arc::new(Semaphore::new(REPLAYS)),
            slice_bytes: queue_bytes / 4,
        }
    }

    /// Opens the session that a token names.
    pub fn open(
        &self,
        tasks: &TaskTracker,
        link: &Arc<Link>,
        token: String,
        resume: Option<Places>,
    ) {
        let (opener, link) = (self.clone(), Arc::clone(link));
        tasks.spawn(async move {
            let opening = AssertUnwindSafe(opener.open_session(&link, token, resume));
            opener.finish(&link, opening.catch_unwind().await).await;
        });
    }

    /// Opens a server's topic for a session whose account has joined it.
    pub fn join(&self, tasks: &TaskTracker, joining: Joining) {
        let opener = self.clone();
        tasks.spawn(async move {
            let Joining {
                link,
                server,
                after,
            } = joining;
            let joined = AssertUnwindSafe(opener.join_server(&link, server, after));
            opener.finish(&link, joined.catch_unwind().await).await;
        });
    }

    async fn finish<E>(&self, link: &Link, result: Result<Result<(), Ended>, E>) {
        if result.is_err() {
            self.metrics.panics_total.inc();
            self.close(link, CloseCode::OutOfSync).await;
        }
    }

    async fn open_session(
        &self,
        link: &Arc<Link>,
        token: String,
        resume: Option<Places>,
    ) -> Result<(), Ended> {
        let query = NodeQuery::Open { token, resume };
        let opened = match self.ask(link, &query).await {
            Ok(NodeAnswer::Opened(opened)) => opened,
            Ok(NodeAnswer::Unauthenticated) => {
                return self.end(link, CloseCode::Unauthenticated).await;
            }
            // The client comes again, perhaps to another gateway.
            _ => return self.end(link, CloseCode::OutOfSync).await,
        };
        if link.is_closing() {
            return Err(Ended);
        }
        let caller = opened.caller.clone();
        self.metrics.sessions.inc();
        link.open(caller.clone());
        let topics = self.ready(link, opened).await;
        self.follow_all(link, &caller, topics).await
    }

    /// Tells the client that the session is open, before anything else.
    async fn ready(&self, link: &Link, opened: Opened) -> Vec<Following> {
        let Opened {
            caller,
            user,
            epoch,
            servers,
            topics,
        } = opened;
        let gaps: Vec<Gap> = topics
            .iter()
            .filter(|open| open.gap)
            .map(|open| Gap {
                topic: open.topic,
                seq: open.head,
            })
            .collect();
        let topics: Vec<Following> = topics.into_iter().map(Following::new).collect();
        let ready = Ready {
            session_id: caller.session,
            user,
            epoch,
            servers,
            topics: topics
                .iter()
                .map(|topic| TopicSeq {
                    topic: topic.topic,
                    seq: topic.place,
                })
                .collect(),
        };
        let mut frames = vec![link.dialect.control(opcode::READY, &ready)];
        self.metrics.gaps_total.inc_by(gaps.len() as u64);
        frames.extend(
            gaps.iter()
                .map(|gap| link.dialect.control(opcode::GAP, gap)),
        );
        self.send(link, frames).await;
        topics
    }

    async fn follow_all(
        &self,
        link: &Arc<Link>,
        caller: &Caller,
        topics: Vec<Following>,
    ) -> Result<(), Ended> {
        let (behind, fresh): (Vec<_>, Vec<_>) = topics
            .into_iter()
            .partition(|topic| topic.place < topic.head);
        let wanted = fresh.iter().map(Following::attach).collect();
        let positions = self.attach(link, caller, wanted).await?;
        for (topic, position) in fresh.into_iter().zip(positions) {
            if topic.place < position {
                self.follow(link, caller, topic, position).await?;
            }
        }
        // One after the other: what is live meanwhile would have to wait for each.
        for topic in behind {
            let positions = self.attach(link, caller, vec![topic.attach()]).await?;
            let position = positions.first().copied().ok_or(Ended)?;
            if topic.place < position {
                self.follow(link, caller, topic, position).await?;
            }
        }
        Ok(())
    }

    async fn join_server(
        &self,
        link: &Arc<Link>,
        server: ServerId,
        after: u64,
    ) -> Result<(), Ended> {
        let Some(caller) = link.caller().cloned() else {
            return Err(Ended);
        };
        let Some(mut topic) = self.snapshot(link, &caller, server.get()).await? else {
            // Gone again: the event that says so is on its way.
            return Ok(());
        };
        // Behind the event of joining, not at the head of the snapshot: what was
        // said between the two is part of the stream.
        topic.place = after.min(topic.head);
        topic.floor = topic.place;
        let cursor = Cursor {
            topics: vec![TopicSeq {
                topic: topic.topic,
                seq: topic.place,
            }],
        };
        let frame = link.dialect.control(opcode::CURSOR, &cursor);
        self.send(link, vec![frame]).await;
        self.follow_all(link, &caller, vec![topic]).await
    }

    /// Replays a topic up to where the fan-out stood when the session joined,
    /// then lets what waited follow.
    async fn follow(
        &self,
        link: &Arc<Link>,
        caller: &Caller,
        mut topic: Following,
        mut position: u64,
    ) -> Result<(), Ended> {
        let Ok(_permit) = self.replays.acquire().await else {
            return Err(Ended);
        };
        loop {
            let turn = self.replay(link, caller, &mut topic, position).await?;
            match turn {
                Turn::Next if self.release(link, topic.topic).await? => return Ok(()),
                // More came meanwhile than may wait: it is in the log.
                Turn::Next => {}
                Turn::Left => {
                    let leave = ToFanout::Leave(Arc::clone(link), topic.topic);
                    drop(self.exchange.fanout.send(leave).await);
                    return Ok(());
                }
                Turn::Gap | Turn::Look => {
                    let Some(fresh) = self.snapshot(link, caller, topic.topic).await? else {
                        let leave = ToFanout::Leave(Arc::clone(link), topic.topic);
                        drop(self.exchange.fanout.send(leave).await);
                        return Ok(());
                    };
                    topic.head = fresh.head;
                    topic.view = fresh.view;
                    if matches!(turn, Turn::Gap) {
                        topic.place = fresh.head;
                        topic.floor = fresh.head;
                        self.gap(link, topic.topic, fresh.head).await;
                    }
                }
            }
            let positions = self.attach(link, caller, vec![topic.attach()]).await?;
            position = positions.first().copied().unwrap_or(topic.place);
            if topic.place >= position {
                // It joined without having to wait.
                return Ok(());
            }
        }
    }

    /// Queues what lies between the client's place and `position`.
    async fn replay(
        &self,
        link: &Arc<Link>,
        caller: &Caller,
        topic: &mut Following,
        position: u64,
    ) -> Result<Turn, Ended> {
        let mut hidden = false;
        while topic.place < position {
            let Repaired {
                events, too_old, ..
            } = self.page(link, topic).await?;
            if too_old && topic.view.is_some() {
                return Ok(Turn::Gap);
            }
            let mut frames = Vec::new();
            let before = topic.place;
            let mut turn = Turn::Next;
            for envelope in events {
                if envelope.seq > position || envelope.seq != topic.place + 1 {
                    break;
                }
                turn = self.turn(link, caller, topic, &envelope).await?;
                if matches!(turn, Turn::Look) {
                    break;
                }
                let event = Event::new(&envelope);
                if topic.sight().sees(event.channel) {
                    if std::mem::take(&mut hidden) {
                        frames.push(topic.cursor(link.dialect));
                    }
                    frames.push(event.frame(link.dialect).clone());
                } else {
                    hidden = true;
                }
                topic.place = envelope.seq;
                if !matches!(turn, Turn::Next) {
                    break;
                }
            }
            let progress = topic.place > before;
            self.queue(link, frames).await?;
            if hidden && !matches!(turn, Turn::Next) {
                self.cursor(link, topic).await;
            }
            match turn {
                Turn::Next if !progress => {
                    // The log lacks what was published: it cannot be continued.
                    return self.end(link, CloseCode::OutOfSync).await.map(|()| turn);
                }
                Turn::Next => {}
                _ => return Ok(turn),
            }
        }
        // Groups are carried past what they may not see from here on; this
        // session alone past what its replay hid.
        self.cursor(link, topic).await;
        Ok(Turn::Next)
    }

    /// What an event that came after the snapshot means for this session.
    async fn turn(
        &self,
        link: &Arc<Link>,
        caller: &Caller,
        topic: &Following,
        envelope: &Envelope,
    ) -> Result<Turn, Ended> {
        let seq = envelope.seq;
        Ok(match &envelope.effect {
            Some(Effect::Rights { .. }) if seq > topic.floor => Turn::Gap,
            Some(Effect::Appeared { .. }) if seq > topic.head => Turn::Look,
            Some(Effect::Left { user }) if seq > topic.head && *user == caller.user => Turn::Left,
            // He left and came again before the snapshot: what was between is not his.
            Some(Effect::Left { user }) if seq > topic.floor && *user == caller.user => Turn::Gap,
            Some(Effect::Joined { server, after }) if seq > topic.head => {
                Box::pin(self.join_server(link, *server, *after)).await?;
                Turn::Next
            }
            Some(Effect::Revoked { session }) if seq > topic.head && *session == caller.session => {
                return self
                    .end(link, CloseCode::Revoked)
                    .await
                    .map(|()| Turn::Next);
            }
            _ => Turn::Next,
        })
    }

    async fn page(&self, link: &Link, topic: &Following) -> Result<Repaired, Ended> {
        for attempt in 0..ATTEMPTS {
            if link.is_closing() {
                return Err(Ended);
            }
            match events(&self.queries, topic.topic, topic.place).await {
                Ok(page) => return Ok(page),
                Err(_refusal) => tokio::time::sleep(BACKOFF * 2_u32.pow(attempt)).await,
            }
        }
        self.close(link, CloseCode::OutOfSync).await;
        Err(Ended)
    }

    async fn snapshot(
        &self,
        link: &Link,
        caller: &Caller,
        topic: u64,
    ) -> Result<Option<Following>, Ended> {
        let Some(server) = ServerId::new(topic) else {
            return Ok(None);
        };
        let query = NodeQuery::Topic {
            user: caller.user,
            server,
        };
        match self.ask(link, &query).await {
            Ok(NodeAnswer::Topic(open)) => Ok(open.map(Following::new)),
            _ => self.end(link, CloseCode::OutOfSync).await.map(|()| None),
        }
    }

    async fn ask(&self, link: &Link, query: &NodeQuery) -> Result<NodeAnswer, Refusal> {
        let mut attempt = 0;
        loop {
            let answer = self.queries.node(query).await;
            attempt += 1;
            if answer.is_ok() || attempt == ATTEMPTS || link.is_closing() {
                return answer.map_err(|refusal| unexpected(Err(refusal)));
            }
            tokio::time::sleep(BACKOFF * 2_u32.pow(attempt)).await;
        }
    }

    async fn attach(
        &self,
        link: &Arc<Link>,
        caller: &Caller,
        topics: Vec<AttachTopic>,
    ) -> Result<Vec<u64>, Ended> {
        let attach = Attach {
            link: Arc::clone(link),
            caller: caller.clone(),
            topics,
        };
        let (reply, answer) = oneshot::channel();
        if link.is_closing() {
            return Err(Ended);
        }
        drop(
            self.exchange
                .fanout
                .send(ToFanout::Attach(attach, reply))
                .await,
        );
        answer.await.map_err(|_gone| Ended)
    }

    async fn release(&self, link: &Link, topic: u64) -> Result<bool, Ended> {
        let (reply, answer) = oneshot::channel();
        let message = ToShard::Release(link.connection, topic, reply);
        self.exchange.tell(link.shard, message).await;
        answer.await.map_err(|_gone| Ended)
    }

    /// Queues a page as fast as the client reads it.
    async fn queue(&self, link: &Link, frames: Vec<Bytes>) -> Result<(), Ended> {
        let mut slice = Vec::new();
        let mut bytes = 0;
        for frame in frames {
            bytes += frame.len();
            slice.push(frame);
            if bytes >= self.slice_bytes {
                self.queue_slice(link, std::mem::take(&mut slice)).await?;
                bytes = 0;
            }
        }
        self.queue_slice(link, slice).await
    }

    async fn queue_slice(&self, link: &Link, frames: Vec<Bytes>) -> Result<(), Ended> {
        if frames.is_empty() {
            return Ok(());
        }
        let (drained, done) = oneshot::channel();
        let message = ToShard::Replay(link.connection, frames, drained);
        self.exchange.tell(link.shard, message).await;
        // Dropped without an answer when the connection ends.
        done.await.map_err(|_gone| Ended)
    }

    async fn cursor(&self, link: &Link, topic: &Following) {
        self.send(link, vec![topic.cursor(link.dialect)]).await;
    }

    async fn gap(&self, link: &Link, topic: u64, seq: u64) {
        self.metrics.gaps_total.inc();
        let frame = link.dialect.control(opcode::GAP, &Gap { topic, seq });
        self.send(link, vec![frame]).await;
    }

    async fn send(&self, link: &Link, frames: Vec<Bytes>) {
        let message = ToShard::Send(link.connection, frames);
        self.exchange.tell(link.shard, message).await;
    }

    async fn close(&self, link: &Link, code: CloseCode) {
        let message = ToShard::Close(link.connection, Close::Code(code));
        self.exchange.tell(link.shard, message).await;
        link.close();
    }

    async fn end(&self, link: &Link, code: CloseCode) -> Result<(), Ended> {
        self.close(link, code).await;
        Err(Ended)
    }
}
