//! Servers: create, look at, change, hand over, discover, leave.

use anyhow::{Context, Result};
use loadtest::{
    harness::{Harness, holds, refused, same},
    requests::{
        create_server, delete_server, hide_channel, join_server, leave_server, redeem_invite,
        transfer_server, update_server,
    },
    transport::Transport,
};
use shared::{
    error::Reason,
    protocol::{
        channel::GetChannels,
        server::{
            DiscoverServers, GetServer, ListOverviews, ListServers, MemberJoined, MemberLeft,
            ServerDeleted, ServerJoined, ServerUpdated, UpdateServer,
        },
    },
};

scenarios! {
    a_server_is_created_over_every_door_with_a_general_channel,
    a_repeated_creation_is_the_same_server,
    names_without_anything_to_see_are_refused,
    a_member_leaves_over_every_door_and_hears_no_more,
    the_owner_cannot_leave,
    a_server_is_changed_over_every_door_and_everyone_is_told,
    what_a_server_may_not_say_changes_nothing,
    who_does_not_manage_a_server_does_not_change_it,
    a_server_is_handed_over_over_every_door,
    a_server_goes_to_none_but_members_and_from_none_but_its_owner,
    an_overview_says_all_of_several_servers,
    an_overview_of_more_than_twenty_servers_is_refused,
    a_server_is_found_and_joined_by_everyone_once_it_says_so,
    a_server_is_deleted_over_every_door_for_everyone_at_once,
    a_server_is_deleted_by_its_owner_alone_and_by_its_name,
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

async fn a_server_is_changed_over_every_door_and_everyone_is_told(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    for transport in Transport::ALL {
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let update = UpdateServer {
            name: Some(format!("  {transport:?} club ")),
            icon: Some(format!("https://a.example/{transport:?}.png")),
            description: Some("What we read.".to_owned()),
            ..update_server()
        };
        let mut way = alice.through(transport).await?;
        way.call(alice.scope(), &update).await?;
        // A repeat changes nothing.
        way.call(alice.scope(), &update).await?;
        let name = format!("{transport:?} club");
        let told = bob
            .sees_event(|updated: &ServerUpdated| updated.server.name == name)
            .await?;
        let shown = way.call(alice.scope(), &GetServer {}).await?.server;
        same(&told.server, &shown)?;
        same(&shown.description, &"What we read.".to_owned())?;
        same(&Some(shown.icon), &update.icon)?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
    }
    Ok(())
}

async fn what_a_server_may_not_say_changes_nothing(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let before = alice.remembers().await?;
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        UpdateServer {
            name: text(" "),
            ..update_server()
        },
        UpdateServer {
            name: text("fine"),
            icon: text("http://a.example/plain.png"),
            ..update_server()
        },
        UpdateServer {
            icon: text("javascript:alert(1)"),
            ..update_server()
        },
    ];
    for update in &cases {
        alice
            .is_refused(alice.scope(), update, Reason::Invalid)
            .await?;
    }
    let long = UpdateServer {
        description: Some("x".repeat(301)),
        ..update_server()
    };
    alice
        .is_refused(alice.scope(), &long, Reason::TooLarge)
        .await?;
    alice.agrees(before).await
}

async fn who_does_not_manage_a_server_does_not_change_it(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let before = alice.remembers().await?;
    let update = UpdateServer {
        name: Some("Mine".to_owned()),
        ..update_server()
    };
    bob.is_refused(bob.scope(), &update, Reason::Forbidden)
        .await?;
    alice.agrees(before).await
}

async fn a_server_is_handed_over_over_every_door(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let [alice, bob] = harness.members().await?;
        alice
            .creates_channel("#secret", vec![hide_channel(alice.scope())])
            .await?;
        let transfer = transfer_server(bob.user.user_id);
        let mut way = alice.through(transport).await?;
        way.call(alice.scope(), &transfer).await?;
        way.call(alice.scope(), &transfer).await?;
        bob.sees_event(|updated: &ServerUpdated| updated.server.owner_id == bob.user.user_id)
            .await?;
        // From then on he sees everything, and she what everyone sees.
        bob.send("#secret", "mine now").await?;
        bob.sees("mine now").await?;
        let names: Vec<String> = alice
            .channels()
            .await?
            .into_iter()
            .map(|c| c.name)
            .collect();
        same(&names, &vec!["general".to_owned()])?;
        let again = transfer_server(alice.user.user_id);
        alice
            .is_refused(alice.scope(), &again, Reason::Forbidden)
            .await?;
        let leave = leave_server();
        alice.call(&leave).await?;
        bob.sees_event(|left: &MemberLeft| left.user_id == alice.user.user_id)
            .await?;
    }
    Ok(())
}

async fn a_server_goes_to_none_but_members_and_from_none_but_its_owner(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let stranger = harness.guest("stranger", 0).await?;
    let before = alice.remembers().await?;
    let transfer = transfer_server(stranger.user.user_id);
    let due = Reason::UnknownTarget;
    alice.is_refused(alice.scope(), &transfer, due).await?;
    let transfer = transfer_server(bob.user.user_id);
    bob.is_refused(bob.scope(), &transfer, Reason::Forbidden)
        .await?;
    // To oneself is no change.
    let own = transfer_server(alice.user.user_id);
    alice.call(&own).await?;
    alice.agrees(before).await
}

async fn an_overview_says_all_of_several_servers(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let shared = alice.home().context("a home")?;
    alice
        .creates_channel("#secret", vec![hide_channel(shared.get())])
        .await?;
    let own = bob.creates_server("Own").await?;
    let stranger = harness.guest("stranger", 0).await?;
    let hidden = stranger.creates_server("Not his").await?;
    let mut servers = vec![own, hidden, shared, own];
    let ask = ListOverviews {
        from: None,
        server_ids: servers.clone(),
    };
    servers = vec![shared, own];
    servers.sort_unstable();
    let ready = harness.client(0).identify(&bob.token).await?;
    for mut way in bob.ways().await? {
        let overviews = way.call(0, &ask).await?.servers;
        let ids: Vec<_> = overviews.iter().map(|o| o.info.server.server_id).collect();
        same(&ids, &servers)?;
        for overview in overviews {
            let id = overview.info.server.server_id.get();
            same(&way.call(id, &GetServer {}).await?, &overview.info)?;
            same(&overview.member.user, &bob.user)?;
            let place = ready.topics.iter().find(|place| place.topic == id);
            same(&place.map(|place| place.seq), &Some(overview.head))?;
            holds(overview.rights_version <= overview.head, "an event")?;
        }
    }
    Ok(())
}

async fn an_overview_of_more_than_twenty_servers_is_refused(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let home = alice.home().context("a home")?;
    let ask = |count| ListOverviews {
        from: None,
        server_ids: vec![home; count],
    };
    same(&alice.client.call(0, &ask(20)).await?.servers.len(), &1)?;
    alice.is_refused(0, &ask(21), Reason::TooLarge).await
}

async fn a_server_is_found_and_joined_by_everyone_once_it_says_so(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let [alice] = harness.members().await?;
        let home = alice.home().context("a home")?;
        let bob = harness.guest("bob", 1).await?;
        let due = Reason::UnknownServer;
        bob.is_refused(0, &join_server(home), due).await?;
        let show = |discoverable| UpdateServer {
            discoverable: Some(discoverable),
            ..update_server()
        };
        alice.call(&show(true)).await?;
        let mut way = bob.through(transport).await?;
        let page = DiscoverServers {
            after: shared::ids::ServerId::new(home.get() - 1),
            limit: Some(1),
        };
        let found = way.call(0, &page).await?.servers;
        same(&found.first().map(|f| f.server.server_id), &Some(home))?;
        same(&found.first().map(|f| f.member_count), &Some(1))?;

        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let join = join_server(home);
        let info = way.call(0, &join).await?;
        same(&info.server.server_id, &home)?;
        bob.sees_event(|joined: &ServerJoined| joined.server == info.server)
            .await?;
        alice
            .sees_event(|joined: &MemberJoined| joined.member.user == bob.user)
            .await?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
        // A repeat is the same, though nobody finds the server any more.
        alice.call(&show(false)).await?;
        same(&way.call(0, &join).await?.server.server_id, &home)?;
        bob.is_refused(0, &join_server(home), Reason::UnknownServer)
            .await?;
        let found = way.call(0, &page).await?.servers;
        holds(
            found.iter().all(|f| f.server.server_id != home),
            "hidden again",
        )?;
    }
    Ok(())
}

async fn a_server_is_deleted_over_every_door_for_everyone_at_once(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let [alice, bob] = harness.members().await?;
        let home = alice.home().context("a home")?;
        let code = alice.invites().await?;
        alice.send("#general", "farewell").await?;
        bob.sees("farewell").await?;
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let delete = delete_server("Company");
        let mut way = alice.through(transport).await?;
        way.call(alice.scope(), &delete).await?;
        // A repeat is the same.
        way.call(alice.scope(), &delete).await?;
        bob.sees_event(|deleted: &ServerDeleted| deleted.server_id == home)
            .await?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
        let due = Reason::UnknownServer;
        for person in [&alice, &bob] {
            person.is_refused(home.get(), &GetServer {}, due).await?;
            person.is_refused(home.get(), &leave_server(), due).await?;
        }
        // The code goes a little later: until then it opens what is not there.
        let redeemed = bob.client.call(0, &redeem_invite(&code)).await;
        let refusal = redeemed.as_ref().err().and_then(|error| error.refusal());
        let reason = refusal.map(|refusal| refusal.reason);
        let gone = [Some(due), Some(Reason::UnknownInvite)];
        holds(gone.contains(&reason), "the code opens nothing")?;
        // Who comes back finds nothing of it, and goes on with the rest.
        bob.client.resume_on(Some(&harness.address(0)?)).await?;
        let ready = harness.client(1).identify(&bob.token).await?;
        holds(ready.servers.is_empty(), "no server is left")?;
        bob.creates_server("Own").await?;
        bob.send("#general", "elsewhere").await?;
        bob.sees("elsewhere").await.map(drop)?;
    }
    Ok(())
}

async fn a_server_is_deleted_by_its_owner_alone_and_by_its_name(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let before = alice.remembers().await?;
    let delete = delete_server("Company");
    bob.is_refused(bob.scope(), &delete, Reason::Forbidden)
        .await?;
    let delete = delete_server("Another");
    alice
        .is_refused(alice.scope(), &delete, Reason::Invalid)
        .await?;
    alice.agrees(before).await
}
