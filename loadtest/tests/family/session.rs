//! Sessions: list, revoke, and resume.

use anyhow::Result;
use loadtest::{
    client::{Status, log::Seen},
    harness::{Harness, holds, same},
    requests::revoke_session,
    transport::Transport,
};
use shared::{
    error::Reason,
    protocol::{account::SessionClosed, session::ListSessions},
};

scenarios! {
    sessions_are_listed_oldest_first_over_every_door,
    revoking_a_session_closes_it_over_every_door,
    the_session_of_another_account_does_not_exist,
    a_session_resumes_on_another_gateway_and_misses_nothing,
    ready_names_the_servers_and_where_their_streams_begin,
}

async fn sessions_are_listed_oldest_first_over_every_door(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    let second = harness.second_session(&alice).await?;
    for mut way in alice.ways().await? {
        let sessions = way.call(0, &ListSessions {}).await?;
        let devices: Vec<(u64, &str)> = sessions
            .sessions
            .iter()
            .map(|session| (session.session_id.get(), session.device.as_str()))
            .collect();
        same(
            &devices,
            &vec![
                (alice.session_id.get(), "alice"),
                (second.session_id.get(), "second"),
            ],
        )?;
    }
    Ok(())
}

async fn revoking_a_session_closes_it_over_every_door(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    for transport in Transport::ALL {
        let before = alice.remembers().await?;
        let second = harness.second_session(&alice).await?;
        let revoke = revoke_session(second.session_id);
        alice.through(transport).await?.call(0, &revoke).await?;
        let status = second
            .client
            .until(|status| matches!(status, Status::Closed(_)))
            .await?;
        same(&status, &Status::Closed(Some(4_504)))?;
        alice
            .sees_event(|closed: &SessionClosed| closed.session_id == second.session_id)
            .await?;
        alice.agrees(before).await?;
    }
    Ok(())
}

async fn the_session_of_another_account_does_not_exist(harness: &Harness) -> Result<()> {
    let alice = harness.guest("alice", 0).await?;
    let bob = harness.guest("bob", 1).await?;
    let revoke = revoke_session(alice.session_id);
    bob.is_refused(0, &revoke, Reason::UnknownSession).await?;
    let sessions = alice.client.call(0, &ListSessions {}).await?.sessions;
    same(&sessions.len(), &1)
}

async fn a_session_resumes_on_another_gateway_and_misses_nothing(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    alice.send("#general", "before").await?;
    bob.sees("before").await?;
    bob.client.resume_on(Some(&harness.address(0)?)).await?;
    for number in 0..20 {
        alice
            .send("#general", &format!("meanwhile {number}"))
            .await?;
    }
    bob.sees("meanwhile 19").await?;
    let log = bob.client.log().since(0);
    let resumed = |seen: &&Seen| matches!(seen, Seen::Opened { resumed: true, .. });
    same(&log.iter().filter(resumed).count(), &1)?;
    holds(
        !log.iter().any(|seen| matches!(seen, Seen::Gap { .. })),
        "a short absence needs no gap",
    )
}

async fn ready_names_the_servers_and_where_their_streams_begin(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let twin = harness.client(1);
    let ready = twin.identify(&alice.token).await?;
    same(&ready.user, &alice.user)?;
    same(&ready.session_id, &alice.session_id)?;
    let servers: Vec<u64> = ready.servers.iter().map(|s| s.server_id.get()).collect();
    same(&servers, &vec![alice.scope()])?;
    let mut topics: Vec<u64> = ready.topics.iter().map(|place| place.topic).collect();
    topics.sort_unstable();
    let mut expected = vec![alice.scope(), alice.user.user_id.get()];
    expected.sort_unstable();
    same(&topics, &expected)
}
