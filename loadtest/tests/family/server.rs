//! Servers: create, look at, leave.

use anyhow::{Context, Result};
use loadtest::{
    harness::{Harness, holds, refused, same},
    requests::{create_server, leave_server},
    transport::Transport,
};
use shared::{
    error::Reason,
    protocol::{
        channel::GetChannels,
        server::{GetServer, ListServers, MemberLeft, ServerJoined},
    },
};

scenarios! {
    a_server_is_created_over_every_door_with_a_general_channel,
    a_repeated_creation_is_the_same_server,
    names_without_anything_to_see_are_refused,
    a_member_leaves_over_every_door_and_hears_no_more,
    the_owner_cannot_leave,
}

async fn a_server_is_created_over_every_door_with_a_general_channel(
    harness: &Harness,
) -> Result<()> {
    let alice = harness.guest("alice", 0).await?;
    for mut way in alice.ways().await? {
        let before = alice.remembers().await?;
        let create = create_server("  Book club ");
        let info = way.call(0, &create).await?;
        same(&info.server.name, &"Book club".to_owned())?;
        same(&info.server.owner_id, &alice.user.user_id)?;
        let names: Vec<&str> = info.channels.iter().map(|c| c.name.as_str()).collect();
        same(&names, &vec!["general"])?;
        let everyone = info.roles.first().context("everyone has a role")?;
        same(&everyone.role_id.get(), &info.server.server_id.get())?;

        let id = info.server.server_id;
        alice
            .sees_event(|joined: &ServerJoined| joined.server.server_id == id)
            .await?;
        let shown = way.call(id.get(), &GetServer {}).await?;
        same(&shown, &info)?;
        let servers = way.call(0, &ListServers {}).await?.servers;
        holds(servers.contains(&info.server), "the list names it")?;
        alice.agrees(before).await?;
    }
    Ok(())
}

async fn a_repeated_creation_is_the_same_server(harness: &Harness) -> Result<()> {
    let alice = harness.guest("alice", 0).await?;
    let create = create_server("Once");
    let first = alice.client.call(0, &create).await?;
    for mut way in alice.ways().await? {
        same(&way.call(0, &create).await?, &first)?;
    }
    let servers = alice.client.call(0, &ListServers {}).await?.servers;
    same(&servers.len(), &1)
}

async fn names_without_anything_to_see_are_refused(harness: &Harness) -> Result<()> {
    let alice = harness.guest("alice", 0).await?;
    for name in ["", "   ", "\u{200b}", "a\nb", &"x".repeat(101)] {
        let create = create_server(name);
        refused(alice.client.call(0, &create).await, Reason::Invalid)?;
    }
    Ok(())
}

async fn a_member_leaves_over_every_door_and_hears_no_more(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let [alice, bob] = harness.members().await?;
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let leave = leave_server();
        bob.through(transport)
            .await?
            .call(bob.scope(), &leave)
            .await?;
        alice
            .sees_event(|left: &MemberLeft| left.user_id == bob.user.user_id)
            .await?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;

        // What is said now is not for him: his own later event comes without it.
        alice.send("#general", "after you left").await?;
        bob.creates_server("Own").await?;
        bob.send("#general", "marker").await?;
        bob.saw_none_before(
            "marker",
            |created: &shared::protocol::message::MessageCreated| {
                created.message.content == "after you left"
            },
        )
        .await?;
        refused(
            bob.client.call(alice.scope(), &GetChannels {}).await,
            Reason::UnknownServer,
        )?;
    }
    Ok(())
}

async fn the_owner_cannot_leave(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let (leave, due) = (leave_server(), Reason::OwnerCannotLeave);
    alice.is_refused(alice.scope(), &leave, due).await
}
