//! Work that is heavy, and pages that are large: P21, and P4 for who asks for much.

use std::time::Duration;

use anyhow::{Context as _, Result};
use shared::{
    domain::permissions::{Permissions, TargetKind},
    ids::ChannelId,
    protocol::{message::GetMessages, ping::Ping},
};
use tokio::time::Instant;

use super::{
    sight::give_roles,
    trial::{Trial, until},
};
use crate::{
    checker::{ack_times, quantile},
    client::{Client, Options, log::Seen},
    fixture::Fixture,
    requests::{
        create_channel, delete_channel, get_messages, override_of, send_message, set_overrides,
    },
    transport::{Transport, TransportClient},
    workload::Plan,
};

/// The role that very many hold.
const ROLE: u64 = 11;
/// Who of the room holds it: see [`give_roles`].
const HOLDERS: [usize; 2] = [1, 3];
/// Within this time something goes on, or never.
const BACK: Duration = Duration::from_mins(2);
/// Nobody waits longer for an acknowledgement because of what others do.
const WAIT: Duration = Duration::from_secs(1);
/// A page holds at most so many messages.
const PAGE: usize = 200;
/// The longest message, each letter of four bytes.
const LONGEST: usize = 2_000;

/// P21: a large channel is deleted; then a role that very many hold changes.
pub(super) async fn hindered(trial: &mut Trial<'_>) -> Result<()> {
    let fixture = trial.fixture(6).await?;
    let members = trial.terms.size.choose(10_000, 50_000, 50_000);
    crowd(trial, &fixture, members).await?;
    let owner = fixture.enter(0, Options::default()).await?;
    let create = async |name| {
        let create = create_channel(name, Vec::new());
        let made = owner.call(fixture.server.get(), &create).await?;
        anyhow::Ok(made.channel.channel_id)
    };
    let (big, side) = (create("big").await?, create("side").await?);
    let messages = trial.terms.size.choose(100_000, 300_000, 1_000_000);
    fill(trial, big, messages).await?;
    let plan = Plan {
        writers: 4,
        readers: 4,
        ..Plan::patient()
    };
    let workload = trial.workload(&fixture, &plan).await?;
    workload.progress(200, BACK).await?;
    let calm = workload.now();

    trial.note(format!("a channel of {messages} messages is deleted"));
    let delete = delete_channel(big);
    owner.call(fixture.server.get(), &delete).await?;
    let began = Instant::now();
    workload.progress(100, BACK).await?;
    until(
        "the messages of the channel are gone",
        BACK * 3,
        async || Ok(left(trial, big).await? == 0),
    )
    .await?;
    let took = began.elapsed().as_secs_f64();
    trial.measured(format!("its messages were gone after {took:.1} s"));
    let purged = workload.now();

    let sessions = trial.terms.size.choose(60, 200, 500);
    let mut watchers = Vec::new();
    for member in HOLDERS.into_iter().cycle().take(sessions) {
        watchers.push(fixture.enter(member, Options::default()).await?);
    }
    let entered = workload.now();
    trial.note(format!(
        "what a role of {members} members sees changes, {sessions} of them are there"
    ));
    // Nobody but the role sees it from the first change on.
    for shows in [false, true, false, true] {
        role_sees(&fixture, &owner, &watchers, (side, shows)).await?;
        workload.progress(50, BACK).await?;
    }
    let changed = workload.now();
    let stayed = workload
        .readers
        .iter()
        .map(AsRef::as_ref)
        .chain(&watchers)
        .all(|reader: &Client| !reader.was_lost());
    trial.demand(stayed, || "a session was closed meanwhile".to_owned());
    let history = trial.judge(workload).await?.history;
    for (what, from, to) in [
        ("before", 0, calm),
        ("while the channel was purged", calm, purged),
        ("while the role changed", entered, changed),
    ] {
        let times = ack_times(&history, from..to);
        let (p99, most) = (
            quantile(&times, 0.99),
            times.last().copied().unwrap_or_default(),
        );
        trial.measured(format!(
            "acknowledged {what} within {p99} us (p99), {most} us at most"
        ));
        let most = Duration::from_micros(most);
        trial.in_time(&format!("an acknowledgement {what}"), WAIT, most);
    }
    Ok(())
}

/// Members who are never there, all with the same role as some who are.
async fn crowd(trial: &mut Trial<'_>, fixture: &Fixture, members: i64) -> Result<()> {
    let server = fixture.server.get().cast_signed();
    let crowd = trial.cluster.sql(async |client| {
        let join = "INSERT INTO members (server, account, roles) SELECT $1, n, '{11}' FROM generate_series(1::int8, $2) AS n";
        client.execute(join, &[&server, &members]).await
    });
    crowd.await.context("making members")?;
    give_roles(trial, fixture).await
}

/// Hides a channel from everybody, and shows it to a role or not. Who watches is told.
async fn role_sees(
    fixture: &Fixture,
    owner: &Client,
    watchers: &[Client],
    (channel, shows): (ChannelId, bool),
) -> Result<()> {
    let role = |target, allow, deny| override_of(TargetKind::Role, target, allow, deny);
    let (none, view) = (Permissions::empty(), Permissions::VIEW_CHANNEL);
    let mut overrides = vec![role(fixture.server.get(), none, view)];
    if shows {
        overrides.push(role(ROLE, view, none));
    }
    let ends: Vec<u64> = watchers.iter().map(|client| client.log().end()).collect();
    let update = set_overrides(channel, overrides);
    let set = owner.call(fixture.server.get(), &update).await;
    set.context("changing what a role sees")?;
    for (watcher, end) in watchers.iter().zip(ends) {
        let told = |seen: &Seen| matches!(seen, Seen::Sight { .. }).then_some(());
        let told = watcher.log().wait(end, BACK, told).await;
        told.context("who has the role was not told what it sees")?;
    }
    Ok(())
}

/// Messages that nobody sent.
async fn fill(trial: &Trial<'_>, channel: ChannelId, count: i64) -> Result<()> {
    let channel = channel.get().cast_signed();
    let filled = trial.cluster.sql(async |client| {
        let fill = "INSERT INTO messages (channel, seq, id, author, content)
                    SELECT $1, n, n, 1, 'what was said' FROM generate_series(1::int8, $2) AS n";
        client.execute(fill, &[&channel, &count]).await
    });
    filled.await.map(drop).context("filling a channel")
}

async fn left(trial: &Trial<'_>, channel: ChannelId) -> Result<i64> {
    let channel = channel.get().cast_signed();
    trial
        .cluster
        .sql(async |client| {
            let count = "SELECT count(*) FROM messages WHERE channel = $1";
            client.query_one(count, &[&channel]).await?.try_get(0)
        })
        .await
}

/// P4: who asks for the largest page there is gets it, over every transport, and stays.
pub(super) async fn pages(trial: &mut Trial<'_>) -> Result<()> {
    let fixture = trial.fixture(2).await?;
    let writer = fixture.enter(0, Options::default()).await?;
    for _ in 0..PAGE {
        let message = send_message(fixture.channel, "\u{1f600}".repeat(LONGEST));
        writer.call(fixture.server.get(), &message).await?;
    }
    trial.outcome.counts.acknowledged += PAGE;
    let token = Some(fixture.find_token(1)?);
    for gateway in &fixture.gateways {
        trial.note(format!(
            "{PAGE} messages of {LONGEST} letters are asked for at {gateway}"
        ));
        for transport in Transport::ALL {
            let mut reader = TransportClient::open(transport, gateway, token).await?;
            let (mut before, mut read) = (None, 0);
            loop {
                let page = GetMessages {
                    before,
                    ..get_messages(fixture.channel)
                };
                let page = reader.call(fixture.server.get(), &page).await;
                let page = page.with_context(|| format!("reading over {transport:?}"))?;
                read += page.messages.len();
                before = page.messages.first().map(|message| message.seq);
                if !page.more || before.is_none() {
                    break;
                }
            }
            let ping = reader.call(0, &Ping {}).await;
            ping.with_context(|| format!("staying on {transport:?} after the last page"))?;
            trial.outcome.counts.stored = read;
            trial.demand(read == PAGE, || format!("{read} came, not {PAGE}"));
        }
    }
    Ok(())
}
