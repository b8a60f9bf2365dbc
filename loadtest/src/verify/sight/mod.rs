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

pub(super) use participants::give_roles;

use self::{
    judge::{Ledger, Reader, Tally},
    model::{Fact, Server},
    participants::Participants,
};
use super::{
    schedule::{Kind, Schedule},
    trial::{Size, Trial},
};
use crate::{
    client::{Options, Status, log::Seen},
    random::{Random, nonce},
    requests::hide_channel,
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
        let create = participants::create(Vec::new());
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
        let hide = participants::update(secret, None, Some(vec![hidden.clone()]));
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
    let mut ledger = ledger(trial, &participants).await?;
    let topic = participants.topic();
    let named = participants.sessions.iter();
    let mut readers: Vec<Reader> = named
        .map(|session| Reader::new(session.name.clone(), session.user, topic))
        .collect();
    let mut tally = Tally::default();
    let mut random = Random::new(trial.terms.seed ^ 2);
    let end = Instant::now() + trial.terms.length;
    for number in 0_u64.. {
        let faults = random_faults(&mut random, kinds, longest);
        let played = participants.play(&mut random);
        let (played, endured) = tokio::join!(played, trial.endure(&faults));
        endured?;
        let done = played?;
        trial.outcome.counts.sent += done.asked;
        trial.outcome.counts.acknowledged += done.answered;
        meet(
            trial,
            &participants,
            &mut ledger,
            &mut readers,
            (number, &mut tally),
        )
        .await?;
        if Instant::now() > end {
            trial.measured(format!("{} rounds of changes", number + 1));
            break;
        }
    }
    conclude(trial, &ledger, &participants, tally);
    Ok(())
}

fn random_faults(random: &mut Random, kinds: &[Kind], longest: Duration) -> Schedule {
    let faults = Schedule::random(random, ROUND, ROUND, kinds);
    let within = |(at, fault): &(Duration, _)| ((*at).min(longest), *fault);
    Schedule::exactly(faults.faults().iter().map(within).collect())
}

/// Everybody sees the end of a round; then all that was seen is judged.
async fn meet(
    trial: &mut Trial<'_>,
    participants: &Participants,
    ledger: &mut Ledger,
    readers: &mut [Reader],
    (number, tally): (u64, &mut Tally),
) -> Result<()> {
    let text = format!("the end of round {number}");
    participants.say(&text).await?;
    let rows = trial.cluster.sql(async |client| {
        let known = ledger.head().cast_signed();
        let log = "SELECT seq, opcode, body FROM events WHERE topic = $1 AND seq > $2 ORDER BY seq";
        client
            .query(log, &[&participants.topic().cast_signed(), &known])
            .await
    });
    let mut marker = 0;
    for row in rows.await.context("reading the log")? {
        let opcode = u16::try_from(row.try_get::<_, i32>(1)?)?;
        let fact = Fact::read(opcode, row.try_get(2)?);
        let seq = row.try_get::<_, i64>(0)?.cast_unsigned();
        ledger.push(seq, &fact)?;
        if fact == Fact::Said(participants.fixture.channel.get()) {
            marker = seq;
        }
    }
    for (session, reader) in participants.sessions.iter().zip(readers.iter_mut()) {
        if ledger.holds(session.user) {
            let there =
                super::trial::until("a session sees the end of a round", BACK, async || {
                    Ok(session.client.place(participants.topic()) >= Some(marker))
                });
            if there.await.is_err() {
                let log = session.client.log().since(session.position.get());
                tally.tell(format!(
                    "{} is at {:?} and does not get to {marker}: {:?}; told {}; the log: {}",
                    session.name,
                    session.client.place(participants.topic()),
                    session.client.status().borrow().clone(),
                    judge::steps(&log, participants.topic()),
                    ledger.words(),
                ));
            }
        }
        let position = session.position.get();
        let seen = session.client.log().since(position);
        session.position.set(position + seen.len() as u64);
        reader.follow(ledger, &seen, tally);
        reader.arrive(ledger, marker, &seen, tally);
        listed(trial, participants, ledger, session).await?;
    }
    Ok(())
}

/// What somebody may list is what he sees.
async fn listed(
    trial: &mut Trial<'_>,
    participants: &Participants,
    ledger: &Ledger,
    session: &participants::Session,
) -> Result<()> {
    if !ledger.holds(session.user) {
        return Ok(());
    }
    let channels = session
        .client
        .call(participants.topic(), &GetChannels {})
        .await;
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
async fn ledger(trial: &Trial<'_>, participants: &Participants) -> Result<Ledger> {
    let topic = participants.topic().cast_signed();
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
    let mut server = Server {
        id: participants.topic(),
        owner: participants.owner().user,
        channels: [(participants.fixture.channel.get(), Vec::new())].into(),
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
    let people: Vec<u64> = participants.sessions.iter().map(|s| s.user).collect();
    Ok(Ledger::new(server, number(head.try_get(0)?), &people))
}

fn conclude(trial: &mut Trial<'_>, ledger: &Ledger, participants: &Participants, tally: Tally) {
    let counts = &mut trial.outcome.counts;
    counts.stored += usize::try_from(ledger.head()).unwrap_or_default();
    counts.received += tally.received;
    counts.resumes += tally.resumes;
    counts.gaps += tally.gaps;
    counts.lost += tally.lost + tally.ghosts;
    counts.wrong += tally.leaks + tally.wrong;
    counts.out_of_order += tally.disorder;
    let Tally {
        lost,
        ghosts,
        leaks,
        disorder,
        gaps,
        notices,
        wrong,
        ..
    } = tally;
    trial.measured(format!(
        "{lost} lost, {ghosts} deletions untold, {leaks} beyond rights, {disorder} out of order, {gaps} needless \
         gaps, {wrong} wrong pictures, {notices} notices"
    ));
    for text in tally.told {
        trial.outcome.find(text);
    }
    let topic = format!("topic {}:", participants.topic());
    for session in &participants.sessions {
        let violations = session.client.violations();
        for text in violations.iter().filter(|text| !text.starts_with(&topic)) {
            trial.outcome.find(format!("{}: {text}", session.name));
        }
        let status = session.client.status().borrow().clone();
        trial.demand(matches!(status, Status::Open(_)), || {
            format!("{} did not stay: {status:?}", session.name)
        });
    }
    if trial.terms.size >= Size::Usual {
        let turns = ledger.turns();
        trial.measured(format!("{turns} times a channel came into sight or went"));
    }
}
