//! Exports: everything personal of an account, and nothing of anybody else.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use loadtest::{
    client::CallError,
    cluster::Settings,
    harness::{Harness, Person, eventually, holds, refused, same, scenario_on},
    requests::{
        PASSWORD, add_reaction, create_role, delete_account, hide_channel, leave_server,
        report_message, set_nickname, set_roles, start_export, update_account,
    },
    transport::{Transport, TransportClient},
};
use serde_json::value::RawValue;
use shared::{
    domain::permissions::Permissions,
    error::Reason,
    protocol::account::{Export, GetExport, UpdateAccount},
};

scenarios! {
    everything_of_the_account_is_in_it_over_every_door,
    there_is_one_a_day,
    an_export_expires,
    an_export_goes_with_the_account,
}

/// How long an export may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until an export is as it is wanted.
async fn until(way: &mut TransportClient, wanted: impl Fn(&Export) -> bool) -> Result<Export> {
    let mut told_lines = false;
    let export = eventually(PATIENCE, async || {
        let found = way.call(0, &GetExport { part: None }).await?;
        told_lines |= found.lines.is_some();
        Ok(holds(wanted(&found.export), "an export stands still").map(|()| found.export))
    })
    .await?;
    holds(!told_lines, "nobody asked for lines")?;
    Ok(export)
}

/// Waits until an export is finished.
async fn finished(way: &mut TransportClient) -> Result<Export> {
    until(way, |export| export.finished_at.is_some()).await
}

/// All lines of a finished export.
async fn read_all(way: &mut TransportClient) -> Result<Vec<String>> {
    let export = finished(way).await?;
    let mut text = String::new();
    for part in 0..export.parts {
        let request = GetExport { part: Some(part) };
        let lines = way.call(0, &request).await?.lines;
        let lines = lines.context("a part")?;
        holds(lines.ends_with('\n'), "lines are whole")?;
        text.push_str(&lines);
    }
    same(&(text.len() as u64), &export.bytes)?;
    let part = Some(export.parts);
    refused(
        way.call(0, &GetExport { part }).await.map(drop),
        Reason::UnknownItem,
    )?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// A line: texts as they are, everything else as it is written.
fn read_line(line: &str) -> Result<BTreeMap<String, String>> {
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(line)?;
    let read = |raw: Box<RawValue>| {
        let text = serde_json::from_str(raw.get());
        text.unwrap_or_else(|_| raw.get().to_owned())
    };
    let fields = fields.into_iter();
    Ok(fields.map(|(name, raw)| (name, read(raw))).collect())
}

/// How many lines of each kind there are.
fn count_kinds(lines: &[String]) -> Result<BTreeMap<String, usize>> {
    let mut kinds = BTreeMap::new();
    for line in lines {
        let kind = read_line(line)?.remove("kind").context("a kind")?;
        *kinds.entry(kind).or_default() += 1;
    }
    Ok(kinds)
}

/// The values of a field of all lines of a kind, sorted.
fn values(lines: &[String], kind: &str, field: &str) -> Result<Vec<String>> {
    let mut values = Vec::new();
    for line in lines {
        let mut fields = read_line(line)?;
        if fields.get("kind").is_some_and(|of| of == kind) {
            values.push(fields.remove(field).context("a field")?);
        }
    }
    values.sort_unstable();
    Ok(values)
}

/// Bob does a bit of everything in the server of alice, in one of his own, and in one that he
/// leaves.
async fn lives(harness: &Harness, alice: &Person, bob: &Person) -> Result<()> {
    let profile = UpdateAccount {
        bio: Some("his bio".to_owned()),
        ..update_account()
    };
    bob.client.call(0, &profile).await?;
    harness.second_session(bob).await?;
    bob.creates_server("His own").await?;
    bob.creates_channel("#his", Vec::new()).await?;
    bob.send("#his", "his own").await?;
    let home = alice.home().context("a home")?;
    alice.creates_server("Left").await?;
    bob.joins(&alice.invites().await?).await?;
    bob.send("#general", "his left").await?;
    alice.send("#general", "hers left").await?;
    bob.call(&leave_server()).await?;
    alice.settles(home);
    bob.joins(&alice.invites().await?).await?;
    let guide = create_role("guide", Permissions::empty());
    let guide = alice.call(&guide).await?.role.role_id;
    alice
        .call(&set_roles(bob.user.user_id, vec![guide]))
        .await?;
    bob.call(&set_nickname("Bobby")).await?;
    let general = bob.channel("#general").await?;
    let first = bob.send("#general", "his first").await?;
    bob.edits(general, first.message_id, "his edited \"text\"\n猫")
        .await?;
    let gone = bob.send("#general", "his gone").await?;
    bob.deletes(general, gone.message_id).await?;
    let hers = alice.send("#general", "hers").await?.message_id;
    bob.call(&add_reaction(general, hers, "👍")).await?;
    alice.call(&add_reaction(general, hers, "🎉")).await?;
    let mut report = report_message(general, hers);
    "his report".clone_into(&mut report.text);
    bob.call(&report).await?;
    bob.reads("#general").await?;
    bob.invites().await?;
    let plans = alice.creates_channel("#plans", Vec::new()).await?;
    bob.send("#plans", "his hidden").await?;
    alice
        .overrides(plans, vec![hide_channel(alice.scope())])
        .await
}

async fn everything_of_the_account_is_in_it_over_every_door(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let [alice] = harness.members().await?;
        let bob = harness.registered("bob", 1).await?;
        lives(harness, &alice, &bob).await?;
        let mut way = bob.through(transport).await?;
        let none = way.call(0, &GetExport { part: None }).await;
        refused(none.map(drop), Reason::UnknownItem)?;
        let begun = way.call(0, &start_export()).await?;
        same(&(begun.parts, begun.finished_at), &(0, None))?;
        let lines = read_all(&mut way).await?;
        let due = [
            ("account", 1),
            ("audit_entry", 2),
            ("former_membership", 1),
            ("invite", 1),
            ("invite_use", 2),
            ("membership", 2),
            ("message", 4),
            ("reaction", 1),
            ("read_cursor", 1),
            ("report", 1),
            ("session", 2),
        ];
        let due = due.map(|(kind, count)| (kind.to_owned(), count));
        same(&count_kinds(&lines)?, &due.into())?;
        let said = [
            "his edited \"text\"\n猫",
            "his hidden",
            "his left",
            "his own",
        ];
        let said = said.map(str::to_owned).to_vec();
        same(&values(&lines, "message", "content")?, &said)?;
        same(
            &values(&lines, "account", "bio")?,
            &vec!["his bio".to_owned()],
        )?;
        let name = vec![bob.user.name.clone()];
        same(&values(&lines, "account", "name")?, &name)?;
        let servers = ["Company", "His own"].map(str::to_owned).to_vec();
        same(&values(&lines, "membership", "server")?, &servers)?;
        let nicknames = ["Bobby", "null"].map(str::to_owned).to_vec();
        same(&values(&lines, "membership", "nickname")?, &nicknames)?;
        same(
            &values(&lines, "reaction", "emoji")?,
            &vec!["👍".to_owned()],
        )?;
        same(
            &values(&lines, "report", "text")?,
            &vec!["his report".to_owned()],
        )?;
        let strange = lines
            .iter()
            .find(|line| line.contains("hers") || line.contains("🎉"));
        same(&strange, &None)?;
        // Nor does hers say anything of his, which she may not even fetch.
        let mut way = alice.through(transport).await?;
        let none = way.call(0, &GetExport { part: Some(0) }).await;
        refused(none.map(drop), Reason::UnknownItem)?;
        way.call(0, &start_export()).await?;
        let lines = read_all(&mut way).await?;
        let said = ["hers", "hers left"].map(str::to_owned).to_vec();
        same(&values(&lines, "message", "content")?, &said)?;
        let strange = lines.iter().find(|line| line.contains("his "));
        same(&strange, &None)?;
    }
    Ok(())
}

async fn there_is_one_a_day(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    alice.send("#general", "once").await?;
    let mut way = alice.through(Transport::Http).await?;
    let start = start_export();
    let begun = way.call(0, &start).await?;
    // A repeat is answered the same.
    same(&way.call(0, &start).await?, &begun)?;
    finished(&mut way).await?;
    let again = way.call(0, &start_export()).await;
    let Err(CallError::Refused(refusal)) = again else {
        bail!("a second one on one day");
    };
    same(&refusal.reason, &Reason::RateLimited)?;
    holds(refusal.retry_after.is_some(), "it says when")?;
    let account = alice.user.user_id.sql();
    let yesterday = "UPDATE exports SET started_at = started_at - 86400000 WHERE account = $1";
    let cluster = &harness.cluster;
    cluster
        .sql(async |client| client.execute(yesterday, &[&account]).await)
        .await?;
    alice.send("#general", "twice").await?;
    way.call(0, &start_export()).await?;
    let lines = read_all(&mut way).await?;
    let said = ["once", "twice"].map(str::to_owned).to_vec();
    same(&values(&lines, "message", "content")?, &said)
}

async fn an_export_expires(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let mut way = alice.through(Transport::Http).await?;
    let begun = way.call(0, &start_export()).await?;
    same(&begun.expires_at, &0)?;
    let done = finished(&mut way).await?;
    let end = done.finished_at.context("an end")?;
    same(&(done.expires_at - end), &(7 * 86_400_000))?;
    let account = alice.user.user_id.sql();
    let old = "UPDATE exports SET finished_at = finished_at - 604800000 WHERE account = $1";
    harness
        .cluster
        .sql(async |client| client.execute(old, &[&account]).await)
        .await?;
    for part in [None, Some(0)] {
        let gone = way.call(0, &GetExport { part }).await;
        refused(gone.map(drop), Reason::UnknownItem)?;
    }
    Ok(())
}

async fn an_export_goes_with_the_account(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    let mut way = alice.through(Transport::Http).await?;
    way.call(0, &start_export()).await?;
    finished(&mut way).await?;
    match alice.client.call(0, &delete_account(Some(PASSWORD))).await {
        Ok(()) | Err(CallError::Disconnected) => {}
        Err(error) => return Err(error.into()),
    }
    let account = alice.user.user_id.sql();
    let left = "SELECT (SELECT count(*) FROM exports WHERE account = $1)
                    + (SELECT count(*) FROM export_parts WHERE account = $1)";
    eventually(PATIENCE, async || {
        let cluster = &harness.cluster;
        let rows: i64 = cluster
            .sql(async |client| Ok(client.query_one(left, &[&account]).await?.get(0)))
            .await?;
        Ok(same(&rows, &0))
    })
    .await
}

#[tokio::test]
async fn an_export_goes_on_after_the_workers_are_killed() -> Result<()> {
    scenario_on(Settings::default(), async |harness| {
        let [alice, bob] = harness.members().await?;
        let general = alice.channel("#general").await?;
        let last = bob.send("#general", "the first").await?;
        // As if he and she had said much more.
        let (channel, id) = (general.sql(), last.message_id.sql());
        let (his, hers) = (bob.user.user_id.sql(), alice.user.user_id.sql());
        let say = "INSERT INTO messages (channel, seq, id, author, content)
                   SELECT $1, 1 + n, $2::int8 + n * 4096, CASE n % 3 WHEN 0 THEN $4::int8 ELSE $3 END,
                       repeat('said ', 50)
                   FROM generate_series(1, 30000) n";
        harness
            .cluster
            .sql(async |client| {
                client.execute(say, &[&channel, &id, &his, &hers]).await?;
                let seq = "UPDATE channels SET last_seq = 30001 WHERE id = $1";
                client.execute(seq, &[&channel]).await
            })
            .await?;
        let mut way = bob.through(Transport::MessagePack).await?;
        way.call(0, &start_export()).await?;
        let export = until(&mut way, |export| export.parts > 8).await?;
        same(&export.finished_at, &None)?;
        let second = way.call(0, &start_export()).await;
        refused(second.map(drop), Reason::LimitReached)?;
        for worker in &harness.cluster.workers {
            worker.restart()?;
        }
        // What was under way is done again at the end of its lease: now.
        let lease = "UPDATE jobs SET lease = '-infinity'";
        harness
            .cluster
            .sql(async |client| client.execute(lease, &[]).await)
            .await?;
        let lines = read_all(&mut way).await?;
        let ids = values(&lines, "message", "message_id")?;
        let each: BTreeSet<&String> = ids.iter().collect();
        same(&(ids.len(), each.len()), &(20_001, 20_001))
    })
    .await
}
