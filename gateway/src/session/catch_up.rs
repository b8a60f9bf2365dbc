//! Brings a session up to the stream of its topics, and replays what it missed.
//!
//! Nothing falls between snapshot and stream: a session is attached to a topic at
//! the place where the fan-out stands, later events wait, and what lies between
//! the snapshot and that place is read from the log.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use shared::{
    bus::envelope::{Caller, NodeAnswer, NodeQuery, OpenTopic},
    close::CloseCode,
    domain::permissions::Standing,
    error::Refusal,
    ids::ServerId,
};
use tokio::sync::oneshot;

use super::{
    context::{Ended, SessionContext, retry_while_busy},
    event_log::ReplayPage,
    replay::{PastView, ReplayFrames},
};
use crate::{
    connection::Connection,
    delivery::message::ToShard,
    fanout::{
        effect::{Consequence, interpret_effect},
        message::{Attach, AttachTopic, Attached, Cause, Rights, ToFanout},
        topic::TopicKind,
    },
    presence::ToPresence,
};

/// How often a session is attached anew because its rights changed meanwhile.
const STALE: usize = 16;

/// A topic that a session follows up to the stream.
pub struct Following {
    /// The server or the account.
    pub topic: u64,
    /// How the account stands in the server; none for its own topic.
    standing: Option<Standing>,
    /// The head of the snapshot that the standing is from.
    head: u64,
    /// What the client has: everything up to here.
    pub seq: u64,
}

/// Where the fan-out stands, and who sees what there.
type Position = (u64, Option<Rights>);

/// A session that is being attached to its topics, or to one more.
pub struct CatchUp<'a> {
    context: &'a SessionContext,
    connection: &'a Arc<Connection>,
    caller: Caller,
    epoch: Option<u64>,
    /// Servers that the account joined, as its replay said.
    pub joined: Vec<ServerId>,
    /// Topics that the fan-out does not know yet who sees what of.
    late: VecDeque<(Following, Cause)>,
}

/// How a replay ended.
enum Turn {
    /// It is complete.
    Done,
    /// The log cannot be continued from there.
    Gap,
}

impl Following {
    /// As a snapshot says.
    pub fn new(open: OpenTopic) -> Self {
        let OpenTopic {
            topic,
            head,
            replay_after,
            gap: _,
            standing,
        } = open;
        Self {
            topic,
            standing,
            head,
            seq: replay_after.unwrap_or(head),
        }
    }

    fn to_attach(&self, cause: Cause) -> AttachTopic {
        AttachTopic {
            topic: self.topic,
            head: self.head,
            place: self.seq,
            standing: self.standing.clone(),
            cause,
        }
    }

    /// An account sees all of its own topic, and of a server what its rights show.
    const fn kind(&self) -> TopicKind {
        match self.standing {
            Some(_) => TopicKind::Server,
            None => TopicKind::Account,
        }
    }
}

impl<'a> CatchUp<'a> {
    /// Nothing is attached yet.
    pub const fn new(
        context: &'a SessionContext,
        connection: &'a Arc<Connection>,
        caller: Caller,
        epoch: Option<u64>,
    ) -> Self {
        Self {
            context,
            connection,
            caller,
            epoch,
            joined: Vec::new(),
            late: VecDeque::new(),
        }
    }

    /// Brings a session up to the streams of these topics.
    pub async fn follow_all(&mut self, topics: Vec<Following>) -> Result<(), Ended> {
        let (mut behind, fresh): (Vec<_>, Vec<_>) =
            topics.into_iter().partition(|topic| topic.seq < topic.head);
        // The account's own first: until then nobody is shown that it is there.
        behind.sort_by_key(|topic| topic.kind() != TopicKind::Account);
        let wanted = fresh
            .iter()
            .map(|topic| topic.to_attach(Cause::Open))
            .collect();
        let attached = self.attach_topics(wanted).await?;
        for (topic, attached) in fresh.into_iter().zip(attached) {
            self.follow_opened(topic, Some(attached)).await?;
        }
        // One after the other: what is live meanwhile would have to wait for each.
        for topic in behind {
            self.follow_opened(topic, None).await?;
        }
        Ok(())
    }

    /// Brings a session that opens up to the stream of a topic.
    async fn follow_opened(
        &mut self,
        topic: Following,
        attached: Option<Attached>,
    ) -> Result<(), Ended> {
        let kind = topic.kind();
        self.follow_topic(topic, Cause::Open, attached).await?;
        if kind == TopicKind::Account {
            let settled = ToPresence::Settled(self.connection.id);
            self.context.presence.tell(settled).await;
        }
        Ok(())
    }

    /// Opens the topics of servers that the account joined meanwhile.
    pub async fn join_all(&mut self) -> Result<(), Ended> {
        while let Some(server) = self.joined.pop() {
            if let Some(mut topic) = self.read_snapshot(server.get()).await? {
                // Behind the event of joining, not at the head of the snapshot: what
                // was said between the two is part of the stream.
                topic.seq = topic.standing.as_ref().map_or(0, |standing| standing.since);
                self.follow_topic(topic, Cause::Join, None).await?;
            }
            // Else it is gone again: the event that says so is on its way.
        }
        Ok(())
    }

    /// Tries the topics again that were late, each as long as the fan-out waits for one.
    pub async fn follow_late(&mut self) -> Result<(), Ended> {
        while let Some((topic, cause)) = self.late.pop_front() {
            let connection = self.connection;
            let _turn = connection.attaching.acquire().await;
            self.follow_topic(topic, cause, None).await?;
            self.join_all().await?;
        }
        Ok(())
    }

    /// Brings a session up to the stream of a topic, and lets what waited follow.
    async fn follow_topic(
        &mut self,
        mut topic: Following,
        mut cause: Cause,
        mut attached: Option<Attached>,
    ) -> Result<(), Ended> {
        let mut stale = 0;
        loop {
            let answer = match attached.take() {
                Some(attached) => attached,
                None => self.attach_one(&topic, cause).await?,
            };
            let position = match answer {
                Attached::Already => return Ok(()),
                Attached::Late => {
                    self.late.push_back((topic, cause));
                    return Ok(());
                }
                Attached::Stale => {
                    stale += 1;
                    if stale > STALE {
                        return Err(self.end_out_of_sync().await);
                    }
                    if !self.renew_snapshot(&mut topic).await? {
                        return Ok(());
                    }
                    self.begin_membership(&mut topic, cause).await;
                    continue;
                }
                Attached::At { position, rights } => (position, rights),
            };
            let is_new = cause == Cause::Join;
            if is_new {
                let mut frames = self.new_frames();
                frames.add_cursor(topic.topic, topic.seq);
                self.context
                    .shards
                    .send_frames(self.connection, frames.frames)
                    .await;
            } else if topic.seq >= position.0 {
                return Ok(());
            }
            cause = Cause::Again;
            match self.replay_events(&mut topic, position).await? {
                Turn::Done if self.release_topic(topic.topic).await? => return Ok(()),
                // More came meanwhile than may wait: it is in the log.
                Turn::Done => {}
                Turn::Gap => {
                    if !self.skip_to_head(&mut topic).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// The client's place cannot be continued from: it goes on at the snapshot.
    /// `false` when the account is no member any more.
    async fn skip_to_head(&self, topic: &mut Following) -> Result<bool, Ended> {
        if topic.seq >= topic.head {
            if topic.standing.is_none() {
                // Who joined or was revoked in what is lost, nobody knows.
                return Err(self.end_out_of_sync().await);
            }
            if !self.renew_snapshot(topic).await? {
                return Ok(false);
            }
        }
        topic.seq = topic.head;
        self.context
            .send_gap(self.connection, topic.topic, topic.head)
            .await;
        Ok(true)
    }

    /// Takes a new snapshot of a topic. `false` when the account is no member any more.
    async fn renew_snapshot(&self, topic: &mut Following) -> Result<bool, Ended> {
        let Some(fresh) = self.read_snapshot(topic.topic).await? else {
            let leave = ToFanout::Leave(Arc::clone(self.connection), topic.topic);
            drop(self.context.fanout.send(leave).await);
            return Ok(false);
        };
        let seq = std::mem::replace(topic, fresh).seq;
        topic.seq = seq;
        Ok(true)
    }

    /// Where the client's place is from before the membership, the topic goes on at the
    /// snapshot; behind the event of joining, where the client was told nothing of it yet.
    async fn begin_membership(&self, topic: &mut Following, cause: Cause) {
        let Some(since) = topic.standing.as_ref().map(|standing| standing.since) else {
            return;
        };
        if topic.seq >= since {
            return;
        }
        if cause == Cause::Join {
            topic.seq = since;
            return;
        }
        topic.seq = topic.head;
        self.context
            .send_gap(self.connection, topic.topic, topic.head)
            .await;
    }

    /// Queues what lies between the client's place and where the fan-out stands.
    async fn replay_events(
        &mut self,
        topic: &mut Following,
        (position, rights): Position,
    ) -> Result<Turn, Ended> {
        let kind = topic.kind();
        let mut past = match (&rights, &topic.standing) {
            (Some(rights), Some(standing)) => {
                let Some(past) = self.build_past(topic, position, rights, standing).await? else {
                    return Ok(Turn::Gap);
                };
                Some(past)
            }
            _ => None,
        };
        drop(rights);
        let mut frames = self.new_frames();
        while topic.seq < position {
            let page = self.read_page(topic).await?;
            if page.too_old {
                return Ok(Turn::Gap);
            }
            let before = topic.seq;
            for (event, effect) in &page.events {
                if event.seq > position || event.seq != topic.seq + 1 {
                    break;
                }
                topic.seq = event.seq;
                let consequence = interpret_effect(kind, effect.as_ref());
                frames.add_event(event, &consequence, past.as_mut());
                if event.seq > topic.head {
                    self.apply_consequence(consequence).await?;
                }
            }
            drop(page);
            if topic.seq == before {
                // The log lacks what was published: it cannot be continued.
                return Err(self.end_out_of_sync().await);
            }
            self.queue_frames(std::mem::take(&mut frames.frames))
                .await?;
        }
        // Groups are carried past what they may not see from here on; this
        // session alone past what its replay hid.
        frames.add_cursor(topic.topic, topic.seq);
        self.context
            .shards
            .send_frames(self.connection, frames.frames)
            .await;
        Ok(Turn::Done)
    }

    /// What the session saw as of its place; none where that cannot be known.
    async fn build_past(
        &self,
        topic: &Following,
        position: u64,
        rights: &Rights,
        standing: &Standing,
    ) -> Result<Option<PastView>, Ended> {
        if rights.version <= topic.seq && standing.changed <= topic.seq {
            return Ok(Some(PastView::new(rights, standing, &[])));
        }
        let log = &self.context.log;
        let changes = self
            .ask_or_end(|| log.get_changes(topic.topic, topic.seq, position))
            .await?;
        let past = changes.as_ref().as_ref();
        Ok(past.map(|changes| PastView::new(rights, standing, changes)))
    }

    /// Does what an event that came after the snapshot means for the session itself.
    async fn apply_consequence(&mut self, consequence: Consequence<'_>) -> Result<(), Ended> {
        match consequence {
            Consequence::Join(server) => self.joined.push(server),
            Consequence::End { session, code } if session == self.caller.session => {
                return Err(self.context.end_session(self.connection, code).await);
            }
            Consequence::Status(status) => {
                let message = ToPresence::Status(self.caller.user, status);
                self.context.presence.tell(message).await;
            }
            // Another session; or what decides which frames the replay has.
            Consequence::End { .. }
            | Consequence::Rights { .. }
            | Consequence::RightsUnknown
            | Consequence::Nothing => {}
        }
        Ok(())
    }

    /// Ends the session, which cannot go on without a hole: the client resumes.
    async fn end_out_of_sync(&self) -> Ended {
        let code = CloseCode::OutOfSync;
        self.context.end_session(self.connection, code).await
    }

    fn new_frames(&self) -> ReplayFrames {
        ReplayFrames::new(
            self.connection.dialect,
            self.connection.deflates,
            self.caller.user,
        )
    }

    async fn read_page(&self, topic: &Following) -> Result<Arc<ReplayPage>, Ended> {
        let log = &self.context.log;
        self.ask_or_end(|| log.get_page(topic.topic, topic.seq))
            .await
    }

    /// Asks again while the cluster is busy.
    async fn ask_or_end<T, F: Future<Output = Result<T, Refusal>>>(
        &self,
        ask: impl Fn() -> F,
    ) -> Result<T, Ended> {
        match retry_while_busy(self.connection, ask).await {
            Ok(answer) => Ok(answer),
            Err(_refusal) => Err(self.end_out_of_sync().await),
        }
    }

    /// How the account stands in a server now; none where it is no member.
    async fn read_snapshot(&self, topic: u64) -> Result<Option<Following>, Ended> {
        let Some(server) = ServerId::new(topic) else {
            return Ok(None);
        };
        let query = NodeQuery::Topic {
            user: self.caller.user,
            server,
        };
        if let Ok(NodeAnswer::Topic(open)) = self.context.ask_worker(self.connection, &query).await
        {
            return Ok(open.map(Following::new));
        }
        Err(self.end_out_of_sync().await)
    }

    async fn attach_one(&self, topic: &Following, cause: Cause) -> Result<Attached, Ended> {
        let attached = self.attach_topics(vec![topic.to_attach(cause)]).await?;
        attached.into_iter().next().ok_or(Ended)
    }

    async fn attach_topics(&self, topics: Vec<AttachTopic>) -> Result<Vec<Attached>, Ended> {
        let connection = self.connection;
        let attach = Attach {
            connection: Arc::clone(connection),
            caller: self.caller.clone(),
            epoch: self.epoch,
            topics,
        };
        let (reply, answer) = oneshot::channel();
        if connection.is_closing() {
            return Err(Ended);
        }
        let message = ToFanout::Attach(attach, reply);
        drop(self.context.fanout.send(message).await);
        match answer.await {
            Ok(attached) => Ok(attached),
            // The log is another one, or the server is gone.
            Err(_gone) => Err(self.end_out_of_sync().await),
        }
    }

    async fn release_topic(&self, topic: u64) -> Result<bool, Ended> {
        let (reply, answer) = oneshot::channel();
        // By the way of the join: it must not be overtaken.
        let message = ToFanout::Release(Arc::clone(self.connection), topic, reply);
        drop(self.context.fanout.send(message).await);
        answer.await.map_err(|_gone| Ended)
    }

    /// Queues frames, and waits until the client has read most of them.
    async fn queue_frames(&self, frames: Vec<Bytes>) -> Result<(), Ended> {
        if frames.is_empty() {
            return Ok(());
        }
        let (drained, done) = oneshot::channel();
        let message = ToShard::Replay(self.connection.id, frames, drained);
        self.context
            .shards
            .tell(self.connection.shard, message)
            .await;
        // Dropped without an answer when the connection ends.
        done.await.map_err(|_gone| Ended)
    }
}
