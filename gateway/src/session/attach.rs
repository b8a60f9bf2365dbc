//! Opens sessions: asks for the snapshot, and attaches the session to its topics.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use shared::{
    bus::envelope::{AccountStatus, NodeAnswer, NodeQuery, Opened, epoch_number},
    close::CloseCode,
    frame::opcode,
    ids::{ServerId, UserId},
    protocol::control::{Gap, Ready, TopicSeq},
};
use tokio::time::Instant;

use super::{
    ResumePoint,
    catch_up::{CatchUp, Following},
    context::{Ended, SessionContext},
};
use crate::{
    connection::Connection, fanout::topic_router::ServerJoin, metrics::Counted,
    presence::ToPresence, requests::token_cache::Known,
};

impl SessionContext {
    /// Opens the session that a token names, in a task of its own.
    pub fn start_opening(
        self: &Arc<Self>,
        connection: &Arc<Connection>,
        token: String,
        resume: Option<ResumePoint>,
    ) {
        let (context, connection) = (Arc::clone(self), Arc::clone(connection));
        self.tasks.spawn(async move {
            let opening = AssertUnwindSafe(context.open_session(&connection, token, resume));
            let panicked = opening.catch_unwind().await.is_err();
            context.close_panicked(&connection, panicked).await;
        });
    }

    /// Attaches a session whose account has joined a server to its topic, in a task of its own.
    pub fn start_joining(self: &Arc<Self>, joining: ServerJoin) {
        let context = Arc::clone(self);
        self.tasks.spawn(async move {
            let ServerJoin { connection, server } = joining;
            let joined = AssertUnwindSafe(context.join_server(&connection, server));
            let panicked = joined.catch_unwind().await.is_err();
            context.close_panicked(&connection, panicked).await;
        });
    }

    async fn close_panicked(&self, connection: &Connection, panicked: bool) {
        if panicked {
            self.metrics.panics_total.inc();
            self.end_session(connection, CloseCode::OutOfSync).await;
        }
    }

    async fn open_session(
        &self,
        connection: &Arc<Connection>,
        token: String,
        resume: Option<ResumePoint>,
    ) -> Result<(), Ended> {
        let turn = connection.attaching.acquire().await;
        let asked = Instant::now();
        // Who opened too many a moment ago is known still: no worker is asked for nothing.
        let known = match self.requests.token_cache.find_known(&token, asked) {
            Some(Known::Opens(caller)) => Some(caller.user),
            _ => None,
        };
        if let Some(user) = known {
            self.admit_session(connection, user, asked).await?;
        }
        let query = NodeQuery::Open {
            token: token.clone(),
            resume,
        };
        let opened = match self.ask_worker(connection, &query).await {
            Ok(NodeAnswer::Opened(opened)) => opened,
            Ok(NodeAnswer::Unauthenticated) => {
                self.requests
                    .token_cache
                    .remember_answer(&token, Known::OpensNothing, asked);
                return Err(self
                    .end_session(connection, CloseCode::Unauthenticated)
                    .await);
            }
            // The client comes again, perhaps to another gateway.
            _ => {
                self.metrics.openings_failed_total.inc();
                return Err(self.end_session(connection, CloseCode::OutOfSync).await);
            }
        };
        if connection.is_closing() {
            return Err(Ended);
        }
        let caller = opened.caller.clone();
        if known.is_none()
            && let Err(ended) = self
                .admit_session(connection, caller.user, Instant::now())
                .await
        {
            self.requests
                .token_cache
                .remember_answer(&token, Known::Opens(caller), asked);
            return Err(ended);
        }
        let epoch = Some(epoch_number(&opened.epoch));
        connection.open_session(caller.clone(), Counted::new(&self.metrics.sessions));
        self.announce_session(connection, caller.user, opened.status)
            .await;
        let topics = self.send_ready(connection, opened).await;
        let mut catch_up = CatchUp::new(self, connection, caller, epoch);
        catch_up.follow_all(topics).await?;
        catch_up.join_all().await?;
        drop(turn);
        catch_up.follow_late().await
    }

    /// Says that an account is there. A connection that has ended meanwhile may have said so
    /// before this, when it was not known yet: so it is said again.
    async fn announce_session(
        &self,
        connection: &Arc<Connection>,
        user: UserId,
        status: Option<AccountStatus>,
    ) {
        let opened = ToPresence::Opened {
            connection: Arc::clone(connection),
            user,
            status,
        };
        self.presence.tell(opened).await;
        if connection.is_closing() {
            self.say_ended(connection.id, false).await;
        }
    }

    /// Draws a session from what an account may open; the client waits where there is none.
    async fn admit_session(
        &self,
        connection: &Connection,
        user: UserId,
        now: Instant,
    ) -> Result<(), Ended> {
        match self.requests.quotas.admit_session(user, now) {
            Ok(()) => Ok(()),
            Err(_refusal) => Err(self.end_session(connection, CloseCode::Full).await),
        }
    }

    async fn join_server(
        &self,
        connection: &Arc<Connection>,
        server: ServerId,
    ) -> Result<(), Ended> {
        // One after the other: whoever joins, leaves and joins again gets one stream.
        let turn = connection.attaching.acquire().await;
        let Some(caller) = connection.caller().cloned() else {
            return Err(Ended);
        };
        let mut catch_up = CatchUp::new(self, connection, caller, None);
        catch_up.joined.push(server);
        catch_up.join_all().await?;
        drop(turn);
        catch_up.follow_late().await
    }

    /// Tells the client that the session is open, before anything else.
    async fn send_ready(&self, connection: &Connection, opened: Opened) -> Vec<Following> {
        let Opened {
            caller,
            user,
            epoch,
            servers,
            topics,
            registers,
            status: _,
            push,
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
                    seq: topic.seq,
                })
                .collect(),
            registers,
            sent_at: self.clock.now_ms(),
            push,
        };
        let mut frames = vec![connection.dialect.control(opcode::READY, &ready)];
        self.metrics.gaps_total.inc_by(gaps.len() as u64);
        frames.extend(
            gaps.iter()
                .map(|gap| connection.dialect.control(opcode::GAP, gap)),
        );
        self.shards.send_frames(connection, frames).await;
        topics
    }
}
