//! Search: what was said is found by what it says, by those who may read it now.

use std::time::Duration;

use anyhow::{Context, Result};
use loadtest::{
    cluster::Settings,
    harness::{Harness, Person, eventually, holds, refused, same, scenario_on},
    requests::{deny_everyone, hide_channel, search_messages, send_message},
    transport::Transport,
};
use shared::{domain::permissions::Permissions, error::Reason, protocol::search::SearchMessages};

scenarios! {
    what_was_said_is_found_over_every_door,
    what_is_hidden_is_found_no_more,
    pages_go_back_from_the_newest,
    changes_are_found_after_the_block_was_indexed,
}

/// How long the index may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a person finds, as texts.
async fn finds(person: &Person, scope: u64, query: &str) -> Result<Vec<String>> {
    let found = person.client.call(scope, &search_messages(query)).await?;
    let texts = found.messages.into_iter().map(|it| it.message.content);
    Ok(texts.collect())
}

async fn what_was_said_is_found_over_every_door(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let [alice, bob] = harness.members().await?;
        let sent = alice.send("#general", "Grüße aus Köln").await?;
        alice
            .send("#general", "今日は天気がいい https://example.org")
            .await?;
        let mut way = bob.through(transport).await?;
        let found = way.call(0, &search_messages("GRÜSSE")).await?;
        same(&found.messages.len(), &0)?;
        let found = way.call(0, &search_messages("grüße KÖLN")).await?;
        let [hit] = found.messages.as_slice() else {
            anyhow::bail!("one message was due, not {found:?}");
        };
        same(&hit.message.message_id, &sent.message_id)?;
        same(&hit.server_id.get(), &bob.scope())?;
        same(&hit.channel_id, &bob.channel("#general").await?)?;
        same(&found.next, &None)?;
        for query in ["天気", "気がいい has:link", "example.org", "has:link"] {
            let found = way.call(bob.scope(), &search_messages(query)).await?;
            same(&found.messages.len(), &1)?;
        }
        let from = format!("from:{}", bob.user.user_id);
        let found = way.call(0, &search_messages(&from)).await?;
        same(&found.messages.len(), &0)?;
        refused(
            way.call(0, &search_messages("from:bob")).await,
            Reason::Invalid,
        )?;
    }
    Ok(())
}

async fn what_is_hidden_is_found_no_more(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let room = alice.creates_channel("#room", Vec::new()).await?;
    alice.send("#room", "a secret").await?;
    same(
        &finds(&bob, 0, "secret").await?,
        &vec!["a secret".to_owned()],
    )?;
    let here = format!("secret in:{room}");
    let no_history = deny_everyone(alice.scope(), Permissions::READ_HISTORY);
    for rule in [hide_channel(alice.scope()), no_history] {
        alice.overrides(room, vec![rule]).await?;
        same(&finds(&bob, 0, "secret").await?, &Vec::new())?;
        same(&finds(&bob, bob.scope(), &here).await?, &Vec::new())?;
        same(&finds(&alice, 0, &here).await?.len(), &1)?;
    }
    let [stranger] = harness.members().await?;
    let search = search_messages("secret");
    let asked = stranger.client.call(alice.scope(), &search).await;
    refused(asked, Reason::UnknownServer)?;
    same(&finds(&stranger, 0, &here).await?, &Vec::new())
}

async fn pages_go_back_from_the_newest(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    for number in 0..12 {
        alice.send("#general", &format!("number {number}")).await?;
    }
    let (mut seen, mut request) = (Vec::new(), search_messages("number"));
    request.limit = Some(5);
    loop {
        let page = alice.call(&request).await?;
        holds(page.messages.len() <= 5, "no more than was asked for")?;
        seen.extend(page.messages.into_iter().map(|it| it.message.seq));
        request.before = page.next;
        if page.next.is_none() {
            break;
        }
    }
    same(&seen, &(1..=12).rev().collect())?;
    let too_many = SearchMessages {
        limit: Some(201),
        ..search_messages("number")
    };
    alice.is_refused(0, &too_many, Reason::Invalid).await
}

async fn changes_are_found_after_the_block_was_indexed(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let first = alice.send("#general", "the first one").await?;
    let second = alice.send("#general", "the second one").await?;
    for _ in 0..70 {
        alice.call(&send_message(general, "filling")).await?;
    }
    let block = [general.sql()];
    indexed(
        harness,
        "SELECT FROM search_blocks WHERE channel = $1",
        &block,
    )
    .await?;
    same(&finds(&alice, 0, "first").await?.len(), &1)?;
    same(&finds(&alice, 0, "filling").await?.len(), &25)?;
    alice.edits(general, first.message_id, "a needle").await?;
    alice.deletes(general, second.message_id).await?;
    // A deletion counts at once, a new word when its block was indexed again.
    same(&finds(&alice, 0, "second").await?, &Vec::new())?;
    let done = "SELECT WHERE NOT EXISTS (SELECT FROM search_pending WHERE channel = $1)";
    indexed(harness, done, &block).await?;
    same(
        &finds(&alice, 0, "needle").await?,
        &vec!["a needle".to_owned()],
    )?;
    same(&finds(&alice, 0, "first").await?, &Vec::new())
}

/// Waits until a statement finds a row.
async fn indexed(harness: &Harness, sql: &str, channel: &[i64; 1]) -> Result<()> {
    eventually(PATIENCE, async || {
        let rows = harness
            .cluster
            .sql(async |client| client.query(sql, &[&channel[0]]).await);
        Ok(holds(!rows.await?.is_empty(), "the index does not get on"))
    })
    .await
}

#[tokio::test]
async fn searching_is_limited_and_nothing_else_with_it() -> Result<()> {
    let settings = Settings {
        limits: vec![("CONFAB_LIMIT_SEARCH", "30/60s+5")],
        ..Settings::default()
    };
    scenario_on(settings, async |harness| {
        let [alice] = harness.members().await?;
        for mut way in alice.ways().await? {
            let mut limited = false;
            for _ in 0..8 {
                let asked = way.call(0, &search_messages("anything")).await;
                limited |= refused(asked, Reason::RateLimited).is_ok();
            }
            holds(limited, "the eighth is too many")?;
        }
        alice.channels().await.map(drop).context("reading goes on")
    })
    .await
}
