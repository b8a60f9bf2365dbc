//! Two people on two gateways talk while the cluster is being killed under them; then what
//! each of them was told is held against what the cluster has, and printed.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use shared::{
    ids::{MessageId, UserId},
    protocol::message::{MessageCreated, MessageDeleted, MessageEdited},
};

use crate::{
    client::{Status, log::Seen},
    cluster::{Node, Settings, node_ready},
    harness::{Harness, Person, scenario_on},
};

/// A worker is ready within seconds, unless something is wrong.
const READY: Duration = Duration::from_secs(30);

/// Runs the demonstration; `say` gets each step as it is taken, and fails where anything is
/// missing, double or out of order.
pub async fn run(say: impl Fn(&str)) -> Result<()> {
    say("starting a private cluster: 2 gateways, 2 workers, Redis, Postgres");
    let talk = async |harness: &Harness| talk(harness, &say).await;
    scenario_on(Settings::default(), talk).await?;
    say("nothing is missing, nothing double, nothing out of order");
    Ok(())
}

async fn talk(harness: &Harness, say: &impl Fn(&str)) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    say("alice signs up on the first gateway");
    let bob = harness.registered("bob", 1).await?;
    say("bob signs up on the second gateway");
    alice.creates_server("The Kitchen").await?;
    let code = alice.invites().await?;
    say("alice creates a server and invites");
    bob.joins(&code).await?;
    say("bob redeems the invite");
    let (hers, his) = (alice.remembers().await?, bob.remembers().await?);

    let hello = says(&alice, "Hello Bob, can you hear me?", say).await?;
    says(&bob, "Loud and clear, from the other gateway.", say).await?;
    let typo = says(&alice, "This sentense has a typo.", say).await?;
    edits(&alice, typo, "This sentence has no typo.", say).await?;

    kill(harness.cluster.gateways.get(1), "with Bob on it", say)?;
    for number in 1..=5 {
        let text = format!("Said while Bob was on his way, {number} of 5.");
        says(&alice, &text, say).await?;
    }
    says(&bob, "I am back, and I missed nothing.", say).await?;
    if let Status::Open(gateway) = &*bob.client.status().borrow() {
        say(&format!("bob goes on, on {gateway}"));
    }

    // One of the two has the lane of this server, so each dies once.
    kill(harness.cluster.workers.first(), "", say)?;
    for number in 1..=5 {
        let text = format!("A worker less, and still here, {number} of 5.");
        says(&bob, &text, say).await?;
    }
    restart(harness, say).await?;
    kill(harness.cluster.workers.get(1), "", say)?;
    for number in 1..=5 {
        let text = format!("The other one, too, and still here, {number} of 5.");
        says(&alice, &text, say).await?;
    }
    let slip = says(&bob, "Forget this line.", say).await?;
    bob.deletes(bob.channel("#general").await?, slip).await?;
    say("bob deletes it");
    edits(&alice, hello, "Hello Bob! (I knew you could hear me.)", say).await?;
    says(&alice, "That will do.", say).await?;

    for person in [&alice, &bob] {
        person.sees("That will do.").await?;
    }
    alice.agrees(hers).await?;
    bob.agrees(his).await?;
    for person in [&alice, &bob] {
        show_transcript(person, [&alice, &bob], say);
    }
    Ok(())
}

async fn says(person: &Person, text: &str, say: &impl Fn(&str)) -> Result<MessageId> {
    let sent = person.send("#general", text).await?;
    say(&format!("{}: {text}", person.name));
    Ok(sent.message_id)
}

async fn edits(person: &Person, message: MessageId, text: &str, say: &impl Fn(&str)) -> Result<()> {
    let general = person.channel("#general").await?;
    person.edits(general, message, text).await?;
    say(&format!("{} edits: {text}", person.name));
    Ok(())
}

fn kill(node: Option<&Node>, remark: &str, say: &impl Fn(&str)) -> Result<()> {
    let node = node.context("something to kill")?;
    let pid = node.pid().unwrap_or_default();
    node.kill()?;
    say(&format!("*** kill -9 {pid}: {} {remark}", node.name()));
    Ok(())
}

/// Starts the first worker again.
async fn restart(harness: &Harness, say: &impl Fn(&str)) -> Result<()> {
    let worker = harness.cluster.workers.first().context("a worker")?;
    worker.restart()?;
    node_ready(worker, READY).await?;
    say(&format!("*** {} is back", worker.name()));
    Ok(())
}

/// Says what a person was told, line by line.
fn show_transcript(person: &Person, people: [&Person; 2], say: &impl Fn(&str)) {
    say(&format!("what {} saw:", person.name));
    let mut numbers = BTreeMap::new();
    for seen in person.client.log().since(0) {
        let line = match &seen {
            Seen::Opened {
                gateway, resumed, ..
            } => {
                let how = if *resumed { "resumed" } else { "opened" };
                Some(format!("-- session {how} on {gateway}"))
            }
            Seen::Lost { .. } => Some("-- connection lost".to_owned()),
            _ => message_line(&seen, people, &mut numbers),
        };
        if let Some(line) = line {
            say(&format!("  {line}"));
        }
    }
}

/// What an event says of a message; messages are named by their places in the channel.
fn message_line(
    seen: &Seen,
    people: [&Person; 2],
    numbers: &mut BTreeMap<MessageId, u64>,
) -> Option<String> {
    let name = |author: UserId| {
        let person = people.iter().find(|person| person.user.user_id == author);
        person.map_or("somebody", |person| person.name.as_str())
    };
    if let Some(MessageCreated { message, .. }) = seen.event() {
        numbers.insert(message.message_id, message.seq);
        let author = name(message.author_id);
        return Some(format!("#{:<3} {author}: {}", message.seq, message.content));
    }
    if let Some(edited) = seen.event::<MessageEdited>() {
        let seq = numbers.get(&edited.message_id)?;
        return Some(format!("#{seq:<3} now says: {}", edited.content));
    }
    let deleted = seen.event::<MessageDeleted>()?;
    let seq = numbers.get(&deleted.message_id)?;
    Some(format!("#{seq:<3} was deleted"))
}
