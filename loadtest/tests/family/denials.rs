//! Denials, made from the rows of the protocol: a new command is covered
//! before anybody thinks of it.

use anyhow::{Context, Result, bail};
use loadtest::{
    client::CallError,
    harness::{Harness, Person, holds, refused},
    random::nonce,
    requests::override_of,
    transport::{Transport, TransportClient},
};
use shared::{
    domain::permissions::{Permissions, TargetKind},
    error::Reason,
    protocol::{Access, CodedRow, RowKind, coded_rows},
};

scenarios! {
    without_a_session_only_what_is_for_anyone_is_answered,
    a_server_that_one_is_no_member_of_does_not_exist,
    the_channel_of_another_server_does_not_exist,
    without_its_permission_every_command_is_refused,
    without_its_permission_in_the_server_every_command_is_refused,
    what_administers_the_deployment_is_for_its_administrator,
    what_only_workers_send_is_no_command,
    sample_bodies_break_nothing,
}

/// The rows that a client may send.
fn client_rows() -> impl Iterator<Item = &'static CodedRow> {
    coded_rows().filter(|row| row.kind != RowKind::Internal)
}

/// Fails unless a request is refused for this reason over each of the ways.
async fn denied(
    ways: &mut [TransportClient],
    row: &CodedRow,
    (scope, body): (u64, &[u8]),
    due: Reason,
) -> Result<()> {
    for (number, way) in ways.iter_mut().enumerate() {
        let result = way.ask(row, scope, body).await;
        refused(result, due).with_context(|| format!("{}, way {number}", row.name))?;
    }
    Ok(())
}

/// A sample body with a nonce of its own.
fn sample(row: &CodedRow) -> Result<Vec<u8>> {
    let json = (row.request.to_json)(&(row.request.sample)())?;
    let json = with(&json, "nonce", &nonce());
    Ok((row.request.from_json)(json.as_bytes())?)
}

/// A sample body whose channel, if it has one, is `channel`.
fn sample_in(row: &CodedRow, channel: u64) -> Result<Vec<u8>> {
    let json = (row.request.to_json)(&sample(row)?)?;
    let json = with(&json, "channel_id", &channel.to_string());
    Ok((row.request.from_json)(json.as_bytes())?)
}

/// The object with another text in this field, if it has it.
fn with(json: &str, field: &str, text: &str) -> String {
    let key = format!("\"{field}\":\"");
    let parts = json.split_once(&key).and_then(|(before, rest)| {
        let (_, after) = rest.split_once('"')?;
        Some(format!("{before}{key}{text}\"{after}"))
    });
    parts.unwrap_or_else(|| json.to_owned())
}

async fn without_a_session_only_what_is_for_anyone_is_answered(harness: &Harness) -> Result<()> {
    for row in client_rows().filter(|row| row.access != Access::Anyone) {
        let body = sample(row)?;
        for transport in Transport::ALL {
            let nobody = TransportClient::open(transport, &harness.address(0)?, None).await?;
            denied(&mut [nobody], row, (0, &body), Reason::Unauthenticated).await?;
        }
    }
    Ok(())
}

async fn a_server_that_one_is_no_member_of_does_not_exist(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let before = alice.remembers().await?;
    let channel = alice.channel("#general").await?.get();
    let stranger = harness.guest("stranger", 1).await?;
    let mut ways = stranger.ways().await?;
    for row in client_rows().filter(|row| of_a_server(row.access)) {
        // Her server, a server that is none, and an account.
        for scope in [alice.scope(), 77, alice.user.user_id.get()] {
            let body = sample_in(row, channel)?;
            denied(&mut ways, row, (scope, &body), Reason::UnknownServer).await?;
        }
    }
    alice.agrees(before).await
}

async fn the_channel_of_another_server_does_not_exist(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let [mallory] = harness.members().await?;
    let before = alice.remembers().await?;
    let hers = alice.channel("#general").await?.get();
    let mut ways = mallory.ways().await?;
    for row in client_rows().filter(|row| matches!(row.access, Access::Channel(_))) {
        for channel in [hers, 77] {
            let asked = (mallory.scope(), &sample_in(row, channel)?[..]);
            denied(&mut ways, row, asked, Reason::UnknownChannel).await?;
        }
    }
    alice.agrees(before).await
}

async fn without_its_permission_every_command_is_refused(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let before = alice.remembers().await?;
    for row in client_rows() {
        let Access::Channel(needed) = row.access else {
            continue;
        };
        let channel = channel_without(&alice, row.name, needed).await?;
        let due = if needed.contains(Permissions::VIEW_CHANNEL) {
            Reason::UnknownChannel
        } else {
            Reason::Forbidden
        };
        let mut ways = bob.ways().await?;
        let body = sample_in(row, channel)?;
        denied(&mut ways, row, (bob.scope(), &body), due).await?;
    }
    // Nothing was changed but what she did herself.
    alice.agrees(before).await
}

/// A channel in which everyone may all but `missing`.
async fn channel_without(owner: &Person, name: &str, missing: Permissions) -> Result<u64> {
    let everyone = |allow, deny| override_of(TargetKind::Role, owner.scope(), allow, deny);
    let all = Permissions::all() - Permissions::ADMINISTRATOR;
    let overrides = vec![everyone(all - missing, missing)];
    let channel = owner.creates_channel(name, overrides).await?;
    Ok(channel.get())
}

async fn without_its_permission_in_the_server_every_command_is_refused(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let before = alice.remembers().await?;
    let mut ways = bob.ways().await?;
    let mut checked = 0;
    for row in client_rows() {
        // What everyone may in a new server, bob may.
        if let Access::Server(needed) = row.access
            && !Permissions::EVERYONE.contains(needed)
        {
            checked += 1;
            let asked = (bob.scope(), &sample(row)?[..]);
            denied(&mut ways, row, asked, Reason::Forbidden).await?;
        }
    }
    holds(checked > 0, "some command needs more than everyone has")?;
    alice.agrees(before).await
}

async fn what_administers_the_deployment_is_for_its_administrator(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let mut ways = alice.ways().await?;
    for row in client_rows().filter(|row| {
        matches!(
            row.access,
            Access::ServerOrDeployment(_) | Access::Deployment
        )
    }) {
        denied(&mut ways, row, (0, &sample(row)?), Reason::Forbidden).await?;
    }
    Ok(())
}

async fn what_only_workers_send_is_no_command(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let mut ways = alice.ways().await?;
    for row in coded_rows().filter(|row| row.kind == RowKind::Internal) {
        for scope in [0, alice.scope()] {
            let asked = (scope, &(row.request.sample)()[..]);
            denied(&mut ways, row, asked, Reason::UnknownCommand).await?;
        }
    }
    Ok(())
}

/// Sample bodies hold ids of nobody: whatever the answer, it is a refusal that
/// the protocol names or a success, never a broken cluster.
async fn sample_bodies_break_nothing(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let farewells = ["logout", "server_leave", "account_delete"];
    for row in client_rows().filter(|row| !farewells.contains(&row.name)) {
        for scope in [0, alice.scope(), 1] {
            for (transport, mut way) in Transport::ALL.iter().zip(bob.ways().await?) {
                match way.ask(row, scope, &sample(row)?).await {
                    Ok(reply) => {
                        (row.reply.to_json)(&reply)
                            .with_context(|| format!("the reply of {}", row.name))?;
                    }
                    Err(CallError::Refused(refusal)) => holds(
                        refusal.reason != Reason::Internal,
                        &format!("{} over {transport:?}: {refusal:?}", row.name),
                    )?,
                    Err(error) => bail!("{} over {transport:?}: {error}", row.name),
                }
            }
        }
    }
    bob.send("#general", "still here").await?;
    alice.sees("still here").await.map(drop)
}

const fn of_a_server(access: Access) -> bool {
    matches!(
        access,
        Access::Member
            | Access::MemberOrAccount
            | Access::Server(_)
            | Access::Channel(_)
            | Access::ServerOrDeployment(_)
    )
}
