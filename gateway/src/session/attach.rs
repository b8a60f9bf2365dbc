//! Opens sessions: asks for the snapshot, attaches it to its topics, replays what was missed.
//!
//! Nothing falls between snapshot and stream: a session is attached to a topic at
//! the place where the fan-out stands, later events wait, and what lies between
//! the snapshot and that place is read from the log.

use std::{collections::VecDeque, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use shared::{
    bus::envelope::{Caller, Effect, NodeAnswer, NodeQuery, OpenTopic, Opened, epoch_number},
    close::CloseCode,
    domain::permissions::Standing,
    error::Refusal,
    frame::opcode,
    ids::{ServerId, UserId},
    protocol::control::{Gap, Ready, TopicSeq},
};
use tokio::{sync::oneshot, time::Instant};
use tokio_util::task::TaskTracker;

use super::{
    Places,
    event_log::{Log, Page},
    replay::{Frames, Past},
};
use crate::{
    connection::Link,
    delivery::sockets::Close,
    fanout::{
        message::{Attach, AttachTopic, Attached, Cause, Rights, ToFanout, ToShard},
        task::Exchange,
        topic_router::Joining,
    },
    metrics::{Counted, Metrics},
    requests::{
        queries::{Queries, unexpected},
        quotas::Quotas,
        token_cache::{Known, Tokens},
    },
};

/// How often a question is asked again when the cluster is busy.
const ATTEMPTS: u32 = 5;
/// How long to wait before the first repetition; twice as long with each further one.
const BACKOFF: Duration = Duration::from_millis(200);
/// How often a session is attached anew because its rights changed meanwhile.
const STALE: usize = 16;

/// Opens sessions and topics. Clones share everything.
#[derive(Clone)]
pub struct Opener {
    /// Asks for snapshots.
    pub queries: Queries,
    /// The fan-out and the shards.
    pub exchange: Exchange,
    /// What is counted.
    pub metrics: Metrics,
    /// Tokens that were asked about lately.
    pub tokens: Arc<Tokens>,
    /// How many sessions an account may open.
    pub quotas: Arc<Quotas>,
    /// What was missed.
    pub log: Log,
}

/// Why an opening ends early; the connection is closed already, or is about to be.
struct Ended;

/// A topic that a session follows up to the stream.
struct Following {
    topic: u64,
    /// How the account stands in the server; none for its own topic.
    standing: Option<Standing>,
    /// The head of the snapshot that the standing is from.
    head: u64,
    /// What the client has.
    place: u64,
}

/// Where the fan-out stands, and who sees what there.
type Position = (u64, Option<Rights>);

/// A session that is being opened, or opens one more topic.
struct Opening<'a> {
    opener: &'a Opener,
    link: &'a Arc<Link>,
    caller: Caller,
    epoch: Option<u64>,
    /// Servers that the account joined, as its replay said.
    joined: Vec<ServerId>,
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
    fn new(open: OpenTopic) -> Self {
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
            place: replay_after.unwrap_or(head),
        }
    }

    fn attach(&self, cause: Cause) -> AttachTopic {
        AttachTopic {
            topic: self.topic,
            head: self.head,
            place: self.place,
            standing: self.standing.clone(),
            cause,
        }
    }

    /// Whether the client's place is from before this membership.
    fn is_older(&self) -> bool {
        self.standing
            .as_ref()
            .is_some_and(|standing| self.place < standing.since)
    }
}

impl Opener {
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
            let Joining { link, server } = joining;
            let joined = AssertUnwindSafe(opener.join_server(&link, server));
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
        let turn = link.opening.acquire().await;
        let asked = Instant::now();
        // Who opened too many a moment ago is known still: no worker is asked for nothing.
        let known = match self.tokens.known(&token, asked) {
            Some(Known::Opens(caller)) => Some(caller.user),
            _ => None,
        };
        if let Some(user) = known {
            self.admit(link, user, asked).await?;
        }
        let query = NodeQuery::Open {
            token: token.clone(),
            resume,
        };
        let opened = match self.ask(link, &query).await {
            Ok(NodeAnswer::Opened(opened)) => opened,
            Ok(NodeAnswer::Unauthenticated) => {
                self.tokens.remember(&token, Known::OpensNothing, asked);
                return self.end(link, CloseCode::Unauthenticated).await;
            }
            // The client comes again, perhaps to another gateway.
            _ => return self.end(link, CloseCode::OutOfSync).await,
        };
        if link.is_closing() {
            return Err(Ended);
        }
        let caller = opened.caller.clone();
        if known.is_none()
            && let Err(ended) = self.admit(link, caller.user, Instant::now()).await
        {
            self.tokens.remember(&token, Known::Opens(caller), asked);
            return Err(ended);
        }
        let epoch = Some(epoch_number(&opened.epoch));
        link.open(caller.clone(), Counted::new(&self.metrics.sessions));
        let topics = self.ready(link, opened).await;
        let mut opening = self.opening(link, caller, epoch);
        opening.follow_all(topics).await?;
        opening.join_all().await?;
        drop(turn);
        opening.follow_late().await
    }

    /// Draws a session from what an account may open; the client waits where there is none.
    async fn admit(&self, link: &Link, user: UserId, now: Instant) -> Result<(), Ended> {
        match self.quotas.opens(user, now) {
            Ok(()) => Ok(()),
            Err(_refusal) => self.end(link, CloseCode::Full).await,
        }
    }

    const fn opening<'a>(
        &'a self,
        link: &'a Arc<Link>,
        caller: Caller,
        epoch: Option<u64>,
    ) -> Opening<'a> {
        Opening {
            opener: self,
            link,
            caller,
            epoch,
            joined: Vec::new(),
            late: VecDeque::new(),
        }
    }

    async fn join_server(&self, link: &Arc<Link>, server: ServerId) -> Result<(), Ended> {
        // One after the other: whoever joins, leaves and joins again gets one stream.
        let turn = link.opening.acquire().await;
        let Some(caller) = link.caller().cloned() else {
            return Err(Ended);
        };
        let mut opening = self.opening(link, caller, None);
        opening.joined.push(server);
        opening.join_all().await?;
        drop(turn);
        opening.follow_late().await
    }

    /// Tells the client that the session is open, before anything else.
    async fn ready(&self, link: &Link, opened: Opened) -> Vec<Following> {
        let Opened {
            caller,
            user,
            epoch,
            servers,
            topics,
            registers,
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
            registers,
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

    async fn ask(&self, link: &Link, query: &NodeQuery) -> Result<NodeAnswer, Refusal> {
        let answer = repeat(link, || self.queries.node(query)).await;
        answer.map_err(|refusal| unexpected(Err(refusal)))
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

/// Asks again while the cluster is busy.
async fn repeat<T, F: Future<Output = Result<T, Refusal>>>(
    link: &Link,
    ask: impl Fn() -> F,
) -> Result<T, Refusal> {
    let mut pause = BACKOFF;
    for _ in 1..ATTEMPTS {
        let answer = ask().await;
        if answer.is_ok() || link.is_closing() {
            return answer;
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    ask().await
}

impl Opening<'_> {
    async fn follow_all(&mut self, topics: Vec<Following>) -> Result<(), Ended> {
        let (behind, fresh): (Vec<_>, Vec<_>) = topics
            .into_iter()
            .partition(|topic| topic.place < topic.head);
        let wanted = fresh
            .iter()
            .map(|topic| topic.attach(Cause::Open))
            .collect();
        let attached = self.attach(wanted).await?;
        for (topic, attached) in fresh.into_iter().zip(attached) {
            self.follow(topic, Cause::Open, Some(attached)).await?;
        }
        // One after the other: what is live meanwhile would have to wait for each.
        for topic in behind {
            self.follow(topic, Cause::Open, None).await?;
        }
        Ok(())
    }

    /// Opens the topics of servers that the account joined meanwhile.
    async fn join_all(&mut self) -> Result<(), Ended> {
        while let Some(server) = self.joined.pop() {
            if let Some(mut topic) = self.snapshot(server.get()).await? {
                // Behind the event of joining, not at the head of the snapshot: what
                // was said between the two is part of the stream.
                topic.place = topic.standing.as_ref().map_or(0, |standing| standing.since);
                self.follow(topic, Cause::Join, None).await?;
            }
            // Else it is gone again: the event that says so is on its way.
        }
        Ok(())
    }

    /// Tries the topics again that were late, each as long as the fan-out waits for one.
    async fn follow_late(&mut self) -> Result<(), Ended> {
        while let Some((topic, cause)) = self.late.pop_front() {
            let link = self.link;
            let _turn = link.opening.acquire().await;
            self.follow(topic, cause, None).await?;
            self.join_all().await?;
        }
        Ok(())
    }

    /// Brings a session up to the stream of a topic, and lets what waited follow.
    async fn follow(
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
                        return self.opener.end(self.link, CloseCode::OutOfSync).await;
                    }
                    if !self.renew(&mut topic).await? {
                        return Ok(());
                    }
                    continue;
                }
                Attached::At { position, rights } => (position, rights),
            };
            let is_new = cause == Cause::Join;
            if is_new {
                let mut frames = self.frames();
                frames.cursor(topic.topic, topic.place);
                self.opener.send(self.link, frames.frames).await;
            } else if topic.place >= position.0 {
                return Ok(());
            }
            cause = Cause::Again;
            match self.replay(&mut topic, position).await? {
                Turn::Done if self.release(topic.topic).await? => return Ok(()),
                // More came meanwhile than may wait: it is in the log.
                Turn::Done => {}
                Turn::Gap => {
                    if !self.skip(&mut topic).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// The client's place cannot be continued from: it goes on at the snapshot.
    /// `false` when the account is no member any more.
    async fn skip(&self, topic: &mut Following) -> Result<bool, Ended> {
        if topic.place >= topic.head {
            if topic.standing.is_none() {
                // Who joined or was revoked in what is lost, nobody knows.
                return self
                    .opener
                    .end(self.link, CloseCode::OutOfSync)
                    .await
                    .map(|()| false);
            }
            if !self.renew(topic).await? {
                return Ok(false);
            }
        }
        topic.place = topic.head;
        self.opener.gap(self.link, topic.topic, topic.head).await;
        Ok(true)
    }

    /// Takes a new snapshot of a topic. `false` when the account is no member any more.
    async fn renew(&self, topic: &mut Following) -> Result<bool, Ended> {
        let Some(fresh) = self.snapshot(topic.topic).await? else {
            let leave = ToFanout::Leave(Arc::clone(self.link), topic.topic);
            drop(self.opener.exchange.fanout.send(leave).await);
            return Ok(false);
        };
        let place = std::mem::replace(topic, fresh).place;
        topic.place = place;
        if topic.is_older() {
            topic.place = topic.head;
            self.opener.gap(self.link, topic.topic, topic.head).await;
        }
        Ok(true)
    }

    /// Queues what lies between the client's place and where the fan-out stands.
    async fn replay(
        &mut self,
        topic: &mut Following,
        (position, rights): Position,
    ) -> Result<Turn, Ended> {
        let mut past = match (&rights, &topic.standing) {
            (Some(rights), Some(standing)) => {
                let Some(past) = self.past(topic, position, rights, standing).await? else {
                    return Ok(Turn::Gap);
                };
                Some(past)
            }
            _ => None,
        };
        drop(rights);
        let mut frames = self.frames();
        while topic.place < position {
            let page = self.page(topic).await?;
            if page.too_old {
                return Ok(Turn::Gap);
            }
            let before = topic.place;
            for (event, effect) in &page.events {
                if event.seq > position || event.seq != topic.place + 1 {
                    break;
                }
                topic.place = event.seq;
                frames.add(event, effect.as_ref(), past.as_mut());
                if let Some(effect) = effect {
                    self.act(topic, event.seq, effect).await?;
                }
            }
            drop(page);
            if topic.place == before {
                // The log lacks what was published: it cannot be continued.
                return self
                    .opener
                    .end(self.link, CloseCode::OutOfSync)
                    .await
                    .map(|()| Turn::Done);
            }
            self.queue(std::mem::take(&mut frames.frames)).await?;
        }
        // Groups are carried past what they may not see from here on; this
        // session alone past what its replay hid.
        frames.cursor(topic.topic, topic.place);
        self.opener.send(self.link, frames.frames).await;
        Ok(Turn::Done)
    }

    /// What the session saw as of its place; none where that cannot be known.
    async fn past(
        &self,
        topic: &Following,
        position: u64,
        rights: &Rights,
        standing: &Standing,
    ) -> Result<Option<Past>, Ended> {
        if rights.version <= topic.place && standing.changed <= topic.place {
            return Ok(Some(Past::new(rights, standing, &[])));
        }
        let log = &self.opener.log;
        let changes = self
            .insist(|| log.changes(topic.topic, topic.place, position))
            .await?;
        let past = changes.as_ref().as_ref();
        Ok(past.map(|changes| Past::new(rights, standing, changes)))
    }

    /// What an event that came after the snapshot means for the session itself.
    async fn act(&mut self, topic: &Following, seq: u64, effect: &Effect) -> Result<(), Ended> {
        if topic.standing.is_some() || seq <= topic.head {
            return Ok(());
        }
        match effect {
            Effect::Joined { server, .. } => self.joined.push(*server),
            Effect::Revoked { session } if *session == self.caller.session => {
                return self.opener.end(self.link, CloseCode::Revoked).await;
            }
            _ => {}
        }
        Ok(())
    }

    fn frames(&self) -> Frames {
        Frames::new(self.link.dialect, self.link.deflates, self.caller.user)
    }

    async fn page(&self, topic: &Following) -> Result<Arc<Page>, Ended> {
        let log = &self.opener.log;
        self.insist(|| log.page(topic.topic, topic.place)).await
    }

    /// Asks again while the cluster is busy.
    async fn insist<T, F: Future<Output = Result<T, Refusal>>>(
        &self,
        ask: impl Fn() -> F,
    ) -> Result<T, Ended> {
        match repeat(self.link, ask).await {
            Ok(answer) => Ok(answer),
            Err(_refusal) => self
                .opener
                .end(self.link, CloseCode::OutOfSync)
                .await
                .and(Err(Ended)),
        }
    }

    /// How the account stands in a server now; none where it is no member.
    async fn snapshot(&self, topic: u64) -> Result<Option<Following>, Ended> {
        let Some(server) = ServerId::new(topic) else {
            return Ok(None);
        };
        let query = NodeQuery::Topic {
            user: self.caller.user,
            server,
        };
        if let Ok(NodeAnswer::Topic(open)) = self.opener.ask(self.link, &query).await {
            return Ok(open.map(Following::new));
        }
        let code = CloseCode::OutOfSync;
        self.opener.end(self.link, code).await.map(|()| None)
    }

    async fn attach_one(&self, topic: &Following, cause: Cause) -> Result<Attached, Ended> {
        let attached = self.attach(vec![topic.attach(cause)]).await?;
        attached.into_iter().next().ok_or(Ended)
    }

    async fn attach(&self, topics: Vec<AttachTopic>) -> Result<Vec<Attached>, Ended> {
        let link = self.link;
        let attach = Attach {
            link: Arc::clone(link),
            caller: self.caller.clone(),
            epoch: self.epoch,
            topics,
        };
        let (reply, answer) = oneshot::channel();
        if link.is_closing() {
            return Err(Ended);
        }
        let message = ToFanout::Attach(attach, reply);
        drop(self.opener.exchange.fanout.send(message).await);
        match answer.await {
            Ok(attached) => Ok(attached),
            // The log is another one, or the server is gone.
            Err(_gone) => {
                self.opener.close(link, CloseCode::OutOfSync).await;
                Err(Ended)
            }
        }
    }

    async fn release(&self, topic: u64) -> Result<bool, Ended> {
        let (reply, answer) = oneshot::channel();
        // By the way of the join: it must not be overtaken.
        let message = ToFanout::Release(Arc::clone(self.link), topic, reply);
        drop(self.opener.exchange.fanout.send(message).await);
        answer.await.map_err(|_gone| Ended)
    }

    /// Queues frames, and waits until the client has read most of them.
    async fn queue(&self, frames: Vec<Bytes>) -> Result<(), Ended> {
        if frames.is_empty() {
            return Ok(());
        }
        let (drained, done) = oneshot::channel();
        let message = ToShard::Replay(self.link.connection, frames, drained);
        self.opener.exchange.tell(self.link.shard, message).await;
        // Dropped without an answer when the connection ends.
        done.await.map_err(|_gone| Ended)
    }
}
