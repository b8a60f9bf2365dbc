//! Somebody who asks again and again, each time once, and writes down how soon what answer comes.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Context as _, Result};
use shared::error::Reason;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    client::CallError,
    fixture::Fixture,
    requests::send_message,
    transport::{Transport, TransportClient},
};

/// How often something is asked.
const EVERY: Duration = Duration::from_millis(250);
/// Sessions that ask in turn: a request may wait for the gateway's deadline.
const SESSIONS: usize = 64;

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    /// When it was sent.
    pub(super) sent: Instant,
    /// How long the answer took.
    pub(super) took: Duration,
    /// Why not, if it was not done.
    pub(super) refused: Option<Reason>,
}

/// Whoever asks, under way.
pub(super) struct Prober {
    stop: CancellationToken,
    asking: JoinHandle<Vec<Probe>>,
}

/// A session, where it goes in, and whether it has to be opened.
struct Session {
    gateway: String,
    client: Option<TransportClient>,
}

impl Prober {
    /// Sends messages to a server of its own.
    pub(super) async fn start(gateways: &[String]) -> Result<Self> {
        let fixture = Fixture::open(gateways.to_vec(), 1).await?;
        let mut sessions = VecDeque::new();
        for gateway in gateways.iter().cycle().take(SESSIONS) {
            let gateway = gateway.clone();
            let client = open(&fixture, &gateway).await;
            let client = Some(client.context("a session that asks")?);
            sessions.push_back(Session { gateway, client });
        }
        let stop = CancellationToken::new();
        let asking = TaskTracker::new().spawn(ask_in_turn(fixture, sessions, stop.clone()));
        Ok(Self { stop, asking })
    }

    /// Ends, and answers with all that was asked.
    pub(super) async fn finish(self) -> Result<Vec<Probe>> {
        self.stop.cancel();
        self.asking.await.context("whoever asks")
    }
}

async fn open(fixture: &Fixture, gateway: &str) -> Result<TransportClient> {
    let token = fixture.find_token(0)?;
    TransportClient::open(Transport::MessagePack, gateway, Some(token)).await
}

async fn ask_in_turn(
    fixture: Fixture,
    mut idle: VecDeque<Session>,
    stop: CancellationToken,
) -> Vec<Probe> {
    let (mut asking, mut probes) = (JoinSet::new(), Vec::new());
    let mut pace = interval(EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(pace.tick()).await.is_some() {
        while let Some(done) = asking.try_join_next() {
            let Ok((session, probe)) = done else { continue };
            idle.push_back(session);
            probes.extend(probe);
        }
        // All of them wait: then nobody asks.
        if let Some(session) = idle.pop_front() {
            asking.spawn(ask(fixture.clone(), session));
        }
    }
    let rest = asking.join_all().await;
    probes.extend(rest.into_iter().filter_map(|(_, probe)| probe));
    probes
}

/// Asks once; a session that ended is opened again instead.
async fn ask(fixture: Fixture, mut session: Session) -> (Session, Option<Probe>) {
    let Some(client) = &mut session.client else {
        session.client = open(&fixture, &session.gateway).await.ok();
        return (session, None);
    };
    let sent = Instant::now();
    let message = send_message(fixture.channel, "?");
    let refused = match client.call(fixture.server.get(), &message).await {
        Ok(_) => None,
        Err(CallError::Refused(refusal)) => Some(refusal.reason),
        Err(_) => {
            session.client = open(&fixture, &session.gateway).await.ok();
            return (session, None);
        }
    };
    let took = sent.elapsed();
    let probe = Probe {
        sent,
        took,
        refused,
    };
    (session, Some(probe))
}
