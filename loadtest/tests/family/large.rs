//! A server of more members than are told of each other, on a cluster of its own.

use std::time::Duration;

use anyhow::{Context, Result};
use loadtest::{
    cluster::Settings,
    harness::{Harness, holds, same, scenario_on},
    requests::{kick, search_users, time_out},
};
use shared::{
    domain::limits::MAX_ANNOUNCED,
    protocol::{
        member::MemberTimedOut,
        server::{MemberJoined, MemberLeft, ServerLeft},
        user::SearchUsers,
    },
};

/// Members besides those that a scenario plays.
const CROWD: u32 = MAX_ANNOUNCED + 100;
/// Within this time restarted workers are ready, or never.
const BACK: Duration = Duration::from_mins(1);

/// Puts a crowd into a server, while no lane has it in memory.
async fn fill(harness: &Harness, server: u64) -> Result<()> {
    let cluster = &harness.cluster;
    for worker in &cluster.workers {
        worker.kill_all()?;
    }
    let crowd = format!(
        "INSERT INTO accounts (id, name, folded, nonce)
             SELECT 1000000 + n, 'Crowd' || n, 'crowd' || n, n::text FROM generate_series(1, {CROWD}) n;
         INSERT INTO members (server, account, since, joined_at, sort_name)
             SELECT {server}, 1000000 + n, 1, 1, 'crowd' || n FROM generate_series(1, {CROWD}) n;
         UPDATE servers SET member_count = member_count + {CROWD} WHERE id = {server}"
    );
    cluster
        .sql(async |client| client.batch_execute(&crowd).await)
        .await
        .context("making a crowd")?;
    for worker in &cluster.workers {
        worker.restart()?;
    }
    cluster.ready(BACK).await
}

#[tokio::test]
async fn a_large_server_tells_only_whom_it_concerns_and_is_searched_by_page() -> Result<()> {
    scenario_on(Settings::default(), async |harness| {
        let [alice, bob] = harness.members().await?;
        let code = alice.invites().await?;
        fill(harness, alice.scope()).await?;

        // Who comes hears it himself; the others hear what is said.
        let carol = harness.registered("carol", 1).await?;
        carol.joins(&code).await?;
        let user = carol.user.user_id;
        alice.send("#general", "welcome").await?;
        carol.sees("welcome").await?;
        bob.saw_none_before("welcome", |event: &MemberJoined| {
            event.member.user.user_id == user
        })
        .await?;

        // What is done to a member he hears, and who did it.
        alice.call(&time_out(user, 60)).await?;
        let told = |event: &MemberTimedOut| event.user_id == user;
        carol.sees_event(told).await?;
        alice.sees_event(told).await?;
        alice.send("#general", "quiet now").await?;
        bob.saw_none_before("quiet now", told).await?;

        // Every name that begins so is found once, page by page, and whose name does not is not.
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = SearchUsers {
                after,
                limit: Some(200),
                ..search_users("CROWD")
            };
            let page = bob.call(&page).await?;
            after = page.users.last().map(|user| user.name.clone());
            found.extend(page.users.into_iter().map(|user| user.user_id));
            if !page.more || after.is_none() {
                break;
            }
        }
        let shown = found.len();
        found.sort_unstable();
        found.dedup();
        same(&(shown, found.len()), &(CROWD as usize, CROWD as usize))?;
        let named = bob.call(&search_users(&carol.user.name)).await?;
        let named: Vec<_> = named.users.iter().map(|user| user.user_id).collect();
        same(&named, &vec![user])?;

        // Who is removed hears it, and is not found any more.
        alice.call(&kick(user)).await?;
        let gone = carol.sees_event(|_: &ServerLeft| true).await?;
        same(&gone.server_id.get(), &alice.scope())?;
        alice.send("#general", "and gone").await?;
        bob.saw_none_before("and gone", |event: &MemberLeft| event.user_id == user)
            .await?;
        let named = bob.call(&search_users(&carol.user.name)).await?;
        holds(named.users.is_empty(), "who is gone is not found")
    })
    .await
}
