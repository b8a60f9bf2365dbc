//! What operators do without a client.

use anyhow::{Result, bail};
use loadtest::{
    client::Status,
    harness::{Harness, Person, holds, refused, same},
    requests::{PASSWORD, create_invite, log_in},
    transport::Transport,
};
use shared::{
    error::Reason,
    protocol::{server::ListServers, session::ListSessions},
};

scenarios! {
    closed_sessions_end_at_once_and_their_tokens_open_nothing,
    a_disabled_account_cannot_sign_in_until_it_is_enabled,
    a_password_is_reset,
    an_account_administers_the_deployment_until_it_does_not,
    what_waits_for_a_person_is_listed_and_tried_again,
    an_account_that_does_not_exist_is_none,
}

async fn admin(harness: &Harness, words: &[&str]) -> Result<()> {
    harness.cluster.administer(words, "").await
}

/// Waits until the connection of somebody is closed; then his token opens nothing.
async fn is_signed_out(person: &Person) -> Result<()> {
    let closed = |status: &Status| matches!(status, Status::Closed(_));
    let status = person.client.until(closed).await?;
    same(&status, &Status::Closed(Some(4_504)))?;
    let mut way = person.through(Transport::Http).await?;
    refused(way.call(0, &ListServers {}).await, Reason::Unauthenticated)
}

async fn closed_sessions_end_at_once_and_their_tokens_open_nothing(
    harness: &Harness,
) -> Result<()> {
    let dora = harness.registered("dora", 0).await?;
    admin(harness, &["close-sessions", &dora.user.name]).await?;
    is_signed_out(&dora).await?;
    let again = harness.second_session(&dora).await?;
    let open = again.client.call(0, &ListSessions {}).await?.sessions;
    same(&open.len(), &1)
}

async fn a_disabled_account_cannot_sign_in_until_it_is_enabled(harness: &Harness) -> Result<()> {
    let dora = harness.registered("dora", 0).await?;
    let name = &dora.user.name;
    admin(harness, &["disable", name]).await?;
    is_signed_out(&dora).await?;
    let client = harness.client(1);
    refused(
        client.call(0, &log_in(name, PASSWORD)).await,
        Reason::Forbidden,
    )?;
    refused(
        client.call(0, &log_in(name, "not the password")).await,
        Reason::WrongCredentials,
    )?;
    admin(harness, &["enable", name]).await?;
    client.call(0, &log_in(name, PASSWORD)).await?;
    Ok(())
}

async fn a_password_is_reset(harness: &Harness) -> Result<()> {
    let dora = harness.registered("dora", 0).await?;
    let name = &dora.user.name;
    let words = ["reset-password", name];
    if harness.cluster.administer(&words, "short\n").await.is_ok() {
        bail!("a password has eight bytes");
    }
    harness
        .cluster
        .administer(&words, "another horse\n")
        .await?;
    is_signed_out(&dora).await?;
    let client = harness.client(1);
    refused(
        client.call(0, &log_in(name, PASSWORD)).await,
        Reason::WrongCredentials,
    )?;
    client.call(0, &log_in(name, "another horse")).await?;
    Ok(())
}

async fn an_account_administers_the_deployment_until_it_does_not(harness: &Harness) -> Result<()> {
    let dora = harness.registered("dora", 0).await?;
    let name = &dora.user.name;
    refused(
        dora.client.call(0, &create_invite()).await,
        Reason::Forbidden,
    )?;
    admin(harness, &["make-admin", name]).await?;
    dora.client.call(0, &create_invite()).await?;
    admin(harness, &["remove-admin", name]).await?;
    refused(
        dora.client.call(0, &create_invite()).await,
        Reason::Forbidden,
    )?;
    for words in [
        &["users"][..],
        &["users", name],
        &["find-users", "do"],
        &["find-users", "do", name],
        &["sign-ups"],
        &["sign-ups", "9007199254740991"],
        &["servers"],
        &["audit", "1"],
    ] {
        admin(harness, words).await?;
    }
    Ok(())
}

async fn what_waits_for_a_person_is_listed_and_tried_again(harness: &Harness) -> Result<()> {
    // Of a kind that no program knows: nobody else takes it.
    let park = "INSERT INTO jobs (kind, body, attempts, parked) VALUES ('test', '', 12, true)
                RETURNING id";
    let id: i64 = harness
        .cluster
        .sql(async |client| Ok(client.query_one(park, &[]).await?.get(0)))
        .await?;
    admin(harness, &["jobs"]).await?;
    admin(harness, &["retry-job", &id.to_string()]).await?;
    let gone = "DELETE FROM jobs WHERE id = $1 AND NOT parked AND attempts = 0";
    let retried = harness
        .cluster
        .sql(async |client| client.execute(gone, &[&id]).await)
        .await?;
    same(&retried, &1)?;
    for nothing in [id.to_string().as_str(), "1/2", "64/1", "x"] {
        let tried = admin(harness, &["retry-job", nothing]).await;
        holds(tried.is_err(), nothing)?;
    }
    Ok(())
}

async fn an_account_that_does_not_exist_is_none(harness: &Harness) -> Result<()> {
    let made = admin(harness, &["make-admin", "nobody-of-this-name"]).await;
    holds(made.is_err(), "there is no such account")
}
