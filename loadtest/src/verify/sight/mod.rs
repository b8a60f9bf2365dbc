//! Rights, channels and members change all the time, many changes in one batch, while
//! gateways lag behind: P4, P5 and P16 at once. Whatever any session is sent is held
//! against the rights as of that event.
//!
//! - `model` says who sees what, `judge` who was due what and did not get it;
//! - `participants` is who does and sees it.

mod judge;
mod model;
mod participants;

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result};
use shared::protocol::{
    channel::{ChannelCreated, GetChannels},
    typing::{SignalTyping, TypingStarted},
};
use tokio::time::Instant;
use tokio_postgres::types::ToSql;

pub(super) use participants::{Session, give_roles};

use self::{
    judge::{Ledger, Reader},
    model::{Fact, Server},
    participants::Participants,
};
use super::{
    schedule::{Kind, Schedule},
    trial::{Trial, until},
};
use crate::{
    client::{Options, Status, log::Seen},
    fixture::Fixture,
    random::{Random, nonce},
    requests::{create_channel, hide_channel, set_overrides},
};

/// Within this time something goes on, or never.
const BACK: Duration = Duration::from_mins(1);
/// A round of changes is about so long.
const ROUND: Duration = Duration::from_millis(900);
/// What makes gateways lag.
const LAGS: [Kind; 6] = [
    Kind::Delay,
    Kind::Delay,
    Kind::Silence,
    Kind::Silence,
    Kind::LoseEvents,
    Kind::Cut,
];

/// Rights change while links of gateways are slow, silent and cut.
pub(super) async fn changes(trial: &mut Trial<'_>) -> Result<()> {
    typing(trial).await?;
    let most = trial.terms.size.choose(1_500, 2_500, 4_000);
    rounds(trial, &LAGS, Duration::from_millis(most)).await
}

/// The same under every fault there is.
pub(super) async fn soak(trial: &mut Trial<'_>) -> Result<()> {
    rounds(trial, Kind::ALL, Duration::from_secs(12)).await
}

/// What hides a channel is lost on its way to a gateway; what is typed in it afterwards
/// must not arrive there, either.
async fn typing(trial: &mut Trial<'_>) -> Result<()> {
    let fixture = trial.fixture(2).await?;
    let scope = fixture.server.get();
    let owner = fixture.enter(0, Options::default()).await?;
    let member = fixture.enter(1, Options::default()).await?;
    let hidden = hide_channel(scope);
    for _ in 0..3 {
        let create = create_channel("room", Vec::new());
        let secret = owner.call(scope, &create).await?.channel.channel_id;
        let came = |seen: &Seen| {
            seen.event()
                .filter(|c: &ChannelCreated| c.channel.channel_id == secret)
        };
        let came = member.log().wait(0, BACK, came).await;
        came.context("a member sees no new channel")?;
        trial.note("what hides a channel is lost, then somebody types there");
        let link = trial.cluster.proxies.get(1).context("a proxy")?;
        link.drop_next(2);
        let hide = set_overrides(secret, vec![hidden.clone()]);
        owner.call(scope, &hide).await?;
        for _ in 0..10 {
            let channel_id = secret;
            owner.call(scope, &SignalTyping { channel_id }).await?;
        }
        link.drop_next(0);
        let text = nonce();
        fixture.say(&owner, &text).await?;
        let end = member.sees_message(&text, BACK).await;
        end.context("a member is left behind")?;
        let log = member.log().since(0);
        let typed = log.iter().filter_map(Seen::event::<TypingStarted>);
        let leaked = typed.filter(|typed| typed.channel_id == secret).count();
        trial.outcome.counts.wrong += leaked;
        trial.demand(leaked == 0, || {
            format!("somebody was told {leaked} times who types where he sees nothing")
        });
    }
    Ok(())
}

/// Rounds of changes, each with something wrong for at most `longest`; after each one
/// everything is healed, and everybody has to see its end.
async fn rounds(trial: &mut Trial<'_>, kinds: &[Kind], longest: Duration) -> Result<()> {
    let mut participants = Participants::gather(trial).await?;
    let fixture = participants.fixture.clone();
    let mut watch = Watch::begin(trial, &fixture, &participants.sessions).await?;
    let mut random = Random::new(trial.terms.seed ^ 2);
    let end = Instant::now() + trial.terms.length;
    for number in 0_u64.. {
        let faults = random_faults(&mut random, kinds, longest);
        let played = participants.play(&mut random);
        let (played, endured) = tokio::join!(played, trial.endure(&faults));
        endured?;
        let answered = played?;
        trial.outcome.counts.sent += answered.len();
        trial.outcome.counts.acknowledged += answered.iter().filter(|answered| **answered).count();
        let text = format!("the end of round {number}");
        watch.meet(trial, &participants.sessions, &text).await?;
        if Instant::now() > end {
            trial.measured(format!("{} rounds of changes", number + 1));
            break;
        }
    }
    watch.conclude(trial, &participants.sessions);
    for session in &participants.sessions {
        let status = session.client.status().borrow().clone();
        trial.demand(matches!(status, Status::Open(_)), || {
            format!("{} did not stay: {status:?}", session.name)
        });
    }
    Ok(())
}

fn random_faults(random: &mut Random, kinds: &[Kind], longest: Duration) -> Schedule {
    let faults = Schedule::random(random, ROUND, ROUND, kinds);
    let within = |(at, fault): &(Duration, _)| ((*at).min(longest), *fault);
    Schedule::exactly(faults.faults().iter().map(within).collect())
}

/// Sessions of one server, the owner's first: what they are sent, and what they are due.
#[derive(Debug)]
pub(super) struct Watch {
    fixture: Fixture,
    ledger: Ledger,
    readers: Vec<Reader>,
}

impl Watch {
    /// Begins with the server as it is; all sessions are open.
    pub(super) async fn begin(
        trial: &Trial<'_>,
        fixture: &Fixture,
        sessions: &[Session],
    ) -> Result<Self> {
        let topic = fixture.server.get();
        let reader = |session: &Session| Reader::new(session.name.clone(), session.user, topic);
        Ok(Self {
            fixture: fixture.clone(),
            ledger: ledger(trial, fixture, sessions).await?,
            readers: sessions.iter().map(reader).collect(),
        })
    }

    /// The owner says something that everybody has to see; then all that was seen is judged.
    pub(super) async fn meet(
        &mut self,
        trial: &mut Trial<'_>,
        sessions: &[Session],
        text: &str,
    ) -> Result<()> {
        let owner = sessions.first().context("an owner")?;
        self.fixture.say(&owner.client, text).await?;
        let marker = self.read_log(trial).await?;
        let topic = self.fixture.server.get();
        for (session, reader) in sessions.iter().zip(&mut self.readers) {
            let ledger = &self.ledger;
            if ledger.holds(session.user) {
                let there = until("a session sees the end of a round", BACK, async || {
                    Ok(session.client.place(topic) >= Some(marker))
                });
                if there.await.is_err() {
                    let log = session.client.log().since(session.position.get());
                    trial.outcome.find(format!(
                        "{} is at {:?} and does not get to {marker}: {:?}; told {}; the log: {}",
                        session.name,
                        session.client.place(topic),
                        session.client.status().borrow().clone(),
                        judge::steps(&log, topic),
                        ledger.words(),
                    ));
                }
            }
            let position = session.position.get();
            let seen = session.client.log().since(position);
            session.position.set(position + seen.len() as u64);
            reader.follow(ledger, &seen, &mut trial.outcome);
            reader.arrive(ledger, marker, &seen, &mut trial.outcome);
            listed(trial, topic, ledger, session).await?;
        }
        Ok(())
    }

    /// Goes on to the end of the server's log; answers with the last message of its first channel.
    async fn read_log(&mut self, trial: &Trial<'_>) -> Result<u64> {
        let (topic, known) = (self.fixture.server.get(), self.ledger.head());
        let rows = trial.cluster.sql(async |client| {
            let log =
                "SELECT seq, opcode, body FROM events WHERE topic = $1 AND seq > $2 ORDER BY seq";
            let after: [&(dyn ToSql + Sync); 2] = [&topic.cast_signed(), &known.cast_signed()];
            client.query(log, &after).await
        });
        let mut marker = 0;
        for row in rows.await.context("reading the log")? {
            let opcode = u16::try_from(row.try_get::<_, i32>(1)?)?;
            let fact = Fact::read(opcode, row.try_get(2)?);
            let seq = row.try_get::<_, i64>(0)?.cast_unsigned();
            if fact == Fact::Said(self.fixture.channel.get()) {
                marker = seq;
            }
            self.ledger.push(seq, fact)?;
        }
        Ok(marker)
    }

    /// Takes over what is left; answers how often something was said that a member did not see.
    pub(super) fn conclude(&self, trial: &mut Trial<'_>, sessions: &[Session]) -> usize {
        trial.outcome.counts.stored += usize::try_from(self.ledger.head()).unwrap_or_default();
        // Of the server's topic the judge knows more than the client's own rule.
        let topic = format!("topic {}:", self.fixture.server);
        for session in sessions {
            let violations = session.client.violations();
            for text in violations.iter().filter(|text| !text.starts_with(&topic)) {
                trial.outcome.find(format!("{}: {text}", session.name));
            }
        }
        let turns = self.ledger.turns();
        let hidden = self.ledger.hidden();
        trial.measured(format!(
            "{turns} times a channel came into sight or went; {hidden} times a member did not see what was said"
        ));
        hidden
    }
}

/// What somebody may list is what he sees.
async fn listed(
    trial: &mut Trial<'_>,
    topic: u64,
    ledger: &Ledger,
    session: &Session,
) -> Result<()> {
    if !ledger.holds(session.user) {
        return Ok(());
    }
    let channels = session.client.call(topic, &GetChannels {}).await;
    let channels = channels.with_context(|| format!("{} asking for channels", session.name))?;
    let listed: BTreeSet<u64> = channels
        .channels
        .iter()
        .map(|c| c.channel_id.get())
        .collect();
    let due = ledger.sight(session.user);
    trial.demand(listed == due, || {
        format!("{} may list {listed:?}, and sees {due:?}", session.name)
    });
    Ok(())
}

/// The server as it is before anything changes.
async fn ledger(trial: &Trial<'_>, fixture: &Fixture, sessions: &[Session]) -> Result<Ledger> {
    let topic = fixture.server.get().cast_signed();
    let rows = trial.cluster.sql(async |client| {
        let roles = "SELECT id, permissions FROM roles WHERE server = $1";
        let members = "SELECT account, roles FROM members WHERE server = $1";
        let head = "SELECT COALESCE(max(seq), 0) FROM events WHERE topic = $1";
        Ok((
            client.query(roles, &[&topic]).await?,
            client.query(members, &[&topic]).await?,
            client.query_one(head, &[&topic]).await?,
        ))
    });
    let (roles, members, head) = rows.await.context("reading the server")?;
    let people: Vec<u64> = sessions.iter().map(|session| session.user).collect();
    let mut server = Server {
        id: fixture.server.get(),
        owner: people.first().copied().context("an owner")?,
        channels: [(fixture.channel.get(), Vec::new())].into(),
        ..Server::default()
    };
    let number = |id: i64| id.cast_unsigned();
    for row in roles {
        let bits = row.try_get::<_, i64>(1)?.cast_unsigned();
        server.roles.insert(number(row.try_get(0)?), bits);
    }
    for row in members {
        let held = row.try_get::<_, Vec<i64>>(1)?.into_iter().map(number);
        server
            .members
            .insert(number(row.try_get(0)?), held.collect());
    }
    Ok(Ledger::new(server, number(head.try_get(0)?), &people))
}
