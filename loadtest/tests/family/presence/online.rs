//! Who is online, as a list.

use anyhow::Result;
use loadtest::{
    harness::{Harness, eventually, holds, same},
    requests::{create_role, set_nickname, set_roles, set_status},
    transport::{Transport, TransportClient},
};
use shared::{
    domain::permissions::Permissions,
    error::Reason,
    ids::{RoleId, UserId},
    protocol::{
        presence::{ListOnline, PresenceState, SetStatus, StatusKind},
        role::CreateRole,
    },
};

use super::{PATIENCE, looks, visitor};

scenarios! {
    who_is_online_is_listed_by_role_and_name_over_every_door,
    who_is_not_seen_is_not_listed_as_online,
}

/// All pages of who is online, as names with the roles that they stand under.
async fn list_online(
    way: &mut TransportClient,
    scope: u64,
    limit: u32,
) -> Result<Vec<(UserId, Option<RoleId>)>> {
    let (mut listed, mut place) = (Vec::new(), None);
    loop {
        let page = ListOnline {
            place,
            limit: Some(limit),
        };
        let page = way.call(scope, &page).await?;
        let there = page.members.iter();
        listed.extend(there.map(|it| (it.member.user.user_id, it.role_id)));
        place = page.next;
        if place.is_none() {
            return Ok(listed);
        }
    }
}

async fn who_is_online_is_listed_by_role_and_name_over_every_door(harness: &Harness) -> Result<()> {
    let people: [_; 4] = harness.members().await?;
    let [alice, bob, carol, dave] = &people;
    for (person, name) in people.iter().zip(["alice", "zoe", "mia", "ben"]) {
        person.call(&set_nickname(name)).await?;
    }
    let hoisted = |name: &str| CreateRole {
        hoist: true,
        ..create_role(name, Permissions::empty())
    };
    let high = alice.call(&hoisted("high")).await?.role.role_id;
    let low = alice.call(&hoisted("low")).await?.role.role_id;
    for (person, roles) in [
        (bob, vec![low, high]),
        (carol, vec![low]),
        (dave, vec![low]),
    ] {
        alice.call(&set_roles(person.user.user_id, roles)).await?;
    }
    let (gone, _) = visitor(harness, 1, &alice.invites().await?).await?;
    gone.say_goodbye().await;
    let due = vec![
        (bob.user.user_id, Some(high)),
        (dave.user.user_id, Some(low)),
        (carol.user.user_id, Some(low)),
        (alice.user.user_id, None),
    ];
    for mut way in alice.ways().await? {
        for limit in [1, 3, 200] {
            // A worker may not have heard of all of them yet, or of who is gone.
            eventually(PATIENCE, async || {
                let listed = list_online(&mut way, alice.scope(), limit).await?;
                Ok(same(&listed, &due))
            })
            .await?;
        }
    }
    let page = ListOnline {
        place: None,
        limit: Some(201),
    };
    alice
        .is_refused(alice.scope(), &page, Reason::Invalid)
        .await
}

async fn who_is_not_seen_is_not_listed_as_online(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let mut way = alice.through(Transport::Json).await?;
    looks(&mut way, &bob, PresenceState::Online).await?;
    let hide = SetStatus {
        status: StatusKind::Invisible,
        ..set_status()
    };
    bob.client.call(0, &hide).await?;
    for mut way in alice.ways().await? {
        eventually(PATIENCE, async || {
            let listed = list_online(&mut way, alice.scope(), 200).await?;
            let absent = listed.iter().all(|(user, _)| *user != bob.user.user_id);
            Ok(holds(absent, "who is invisible is not there"))
        })
        .await?;
    }
    Ok(())
}
