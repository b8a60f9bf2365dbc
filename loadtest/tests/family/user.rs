//! Users: the members of a server; who may be seen: one, many, and by name.

use anyhow::Result;
use loadtest::{
    harness::{Harness, holds, refused, same, unique},
    requests::{list_users, search_users},
};
use shared::{
    error::Reason,
    ids::UserId,
    protocol::user::{GetUser, GetUsers, ListUsers, SearchUsers, User},
};

scenarios! {
    members_are_listed_by_id_in_pages_over_every_door,
    a_page_beyond_the_limit_is_cut_or_refused,
    who_shares_a_server_is_seen_over_every_door_and_nobody_else,
    many_are_asked_for_at_once_and_strangers_are_missing,
    more_than_a_hundred_at_once_are_refused,
    the_administrator_sees_everybody,
    members_are_found_by_what_their_names_begin_with,
    without_a_server_those_who_share_one_are_found_and_nobody_else,
    a_search_goes_on_behind_the_last_name,
}

async fn members_are_listed_by_id_in_pages_over_every_door(harness: &Harness) -> Result<()> {
    let people: [_; 3] = harness.members().await?;
    let mut expected: Vec<_> = people.iter().map(|person| person.user.clone()).collect();
    expected.sort_by_key(|user| user.user_id);
    for mut way in people[1].ways().await? {
        let mut listed = Vec::new();
        loop {
            let page = ListUsers {
                after: listed.last().map(|user: &User| user.user_id),
                limit: Some(1),
            };
            let members = way.call(people[1].scope(), &page).await?.members;
            match members.as_slice() {
                [] => break,
                [member] => listed.push(member.user.clone()),
                more => anyhow::bail!("one was asked for, not {more:?}"),
            }
        }
        same(&listed, &expected)?;
    }
    Ok(())
}

async fn a_page_beyond_the_limit_is_cut_or_refused(harness: &Harness) -> Result<()> {
    let [alice, _bob] = harness.members().await?;
    for limit in [0, 201, u32::MAX] {
        let page = ListUsers {
            limit: Some(limit),
            ..list_users()
        };
        match alice.call(&page).await {
            Ok(users) => same(&(users.members.len() <= 200), &true)?,
            other => refused(other, Reason::Invalid)?,
        }
    }
    Ok(())
}

async fn who_shares_a_server_is_seen_over_every_door_and_nobody_else(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let stranger = harness.guest("stranger", 0).await?;
    for mut way in bob.ways().await? {
        for person in [&alice, &bob] {
            let user_id = person.user.user_id;
            let profile = way.call(0, &GetUser { user_id }).await?;
            same(&profile.user, &person.user)?;
            same(&profile.bio, &String::new())?;
        }
    }
    let get = GetUser {
        user_id: alice.user.user_id,
    };
    stranger.is_refused(0, &get, Reason::UnknownUser).await?;
    let get = GetUser {
        user_id: UserId::try_from(77)?,
    };
    alice.is_refused(0, &get, Reason::UnknownUser).await
}

async fn many_are_asked_for_at_once_and_strangers_are_missing(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let stranger = harness.guest("stranger", 0).await?;
    let all = [&stranger, &carol, &alice, &bob, &bob].map(|person| person.user.user_id);
    let get = GetUsers {
        user_ids: all.to_vec(),
    };
    let mut known = [&alice, &bob, &carol].map(|person| person.user.clone());
    known.sort_by_key(|user| user.user_id);
    for mut way in alice.ways().await? {
        same(&way.call(0, &get).await?.users, &known.to_vec())?;
    }
    let own = stranger.client.call(0, &get).await?.users;
    same(&own, &vec![stranger.user.clone()])
}

async fn more_than_a_hundred_at_once_are_refused(harness: &Harness) -> Result<()> {
    let alice = harness.guest("alice", 0).await?;
    let get = |count| GetUsers {
        user_ids: vec![alice.user.user_id; count],
    };
    same(&alice.client.call(0, &get(100)).await?.users.len(), &1)?;
    alice.is_refused(0, &get(101), Reason::TooLarge).await
}

async fn the_administrator_sees_everybody(harness: &Harness) -> Result<()> {
    let admin = harness.admin().await?;
    let stranger = harness.guest("stranger", 1).await?;
    let user_id = stranger.user.user_id;
    let profile = admin.client.call(0, &GetUser { user_id }).await?;
    same(&profile.user, &stranger.user)
}

async fn members_are_found_by_what_their_names_begin_with(harness: &Harness) -> Result<()> {
    let owner = harness.registered("Zoe", 0).await?;
    let other = harness.registered("Zora", 1).await?;
    let outside = harness.registered("Zorro", 0).await?;
    owner.creates_server("Club").await?;
    other.joins(&owner.invites().await?).await?;
    for mut way in other.ways().await? {
        let found = way.call(other.scope(), &search_users("zO")).await?;
        let names: Vec<_> = found.users.iter().map(|user| user.user_id).collect();
        same(&names, &vec![owner.user.user_id, other.user.user_id])?;
        holds(!found.more, "that is all")?;
    }
    let found = owner.call(&search_users("zor")).await?.users;
    same(&found, &vec![other.user.clone()])?;
    for bad in [String::new(), "x".repeat(33)] {
        let search = search_users(&bad);
        owner
            .is_refused(owner.scope(), &search, Reason::Invalid)
            .await?;
    }
    let search = search_users("z");
    outside
        .is_refused(owner.scope(), &search, Reason::UnknownServer)
        .await
}

async fn without_a_server_those_who_share_one_are_found_and_nobody_else(
    harness: &Harness,
) -> Result<()> {
    let prefix = unique("find");
    let here = harness.registered(&format!("{prefix}a"), 0).await?;
    let there = harness.registered(&format!("{prefix}b"), 1).await?;
    let outside = harness.registered(&format!("{prefix}c"), 0).await?;
    let found = here.client.call(0, &search_users(&prefix)).await?;
    holds(
        found.users.is_empty() && !found.more,
        "without a server nobody is found",
    )?;
    here.creates_server("One").await?;
    there.joins(&here.invites().await?).await?;
    for mut way in there.ways().await? {
        let found = way.call(0, &search_users(&prefix)).await?.users;
        same(&found, &vec![here.user.clone(), there.user.clone()])?;
    }
    let found = outside.client.call(0, &search_users(&prefix)).await?;
    same(&found.users.len(), &0)
}

async fn a_search_goes_on_behind_the_last_name(harness: &Harness) -> Result<()> {
    let owner = harness.registered("page", 0).await?;
    owner.creates_server("Pages").await?;
    let code = owner.invites().await?;
    for _ in 0..2 {
        harness.registered("page", 1).await?.joins(&code).await?;
    }
    for scope in [0, owner.scope()] {
        let mut names = Vec::new();
        let mut after = None;
        loop {
            let search = SearchUsers {
                after,
                limit: Some(1),
                ..search_users("page-")
            };
            let page = owner.client.call(scope, &search).await?;
            names.extend(page.users.into_iter().map(|user| user.name));
            if !page.more {
                break;
            }
            after = names.last().cloned();
        }
        same(&names.len(), &3)?;
        holds(names.is_sorted(), "by name")?;
    }
    Ok(())
}
