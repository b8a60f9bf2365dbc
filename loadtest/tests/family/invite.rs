//! Invites: codes that open a server or the deployment.

use anyhow::Result;
use loadtest::{
    harness::{Harness, holds, refused, same},
    requests::{
        create_invite, deny_everyone, kick, list_invites, list_uses, preview_invite, redeem_invite,
        revoke_invite,
    },
    transport::{Transport, TransportClient},
};
use shared::{
    domain::{limits::MAX_MEMBERS_INVITES, permissions::Permissions},
    error::Reason,
    protocol::{
        invite::{CreateInvite, InviteUse, ListInviteUses, ListInvites},
        server::{MemberJoined, ServerJoined},
    },
};

scenarios! {
    a_code_is_made_previewed_and_redeemed_over_every_door,
    a_single_use_code_lets_one_of_two_in,
    nobody_makes_all_codes_of_a_server,
    members_leave_codes_to_who_manages_the_server,
    who_is_kicked_leaves_no_way_in,
    a_repeated_redemption_uses_the_code_once,
    an_expired_or_unknown_code_opens_nothing,
    a_deployment_code_needs_the_administrator,
    an_override_of_a_channel_says_nothing_of_the_server,
    who_manages_a_server_lists_all_codes_and_others_their_own,
    codes_are_listed_in_pages,
    a_revoked_code_opens_nothing,
    one_revokes_ones_own_codes_and_a_manager_any,
    who_used_a_code_is_listed_with_the_last_one_first,
    codes_of_the_deployment_are_for_its_administrator,
}

fn create(max_uses: Option<u32>, expires_in: Option<u32>) -> CreateInvite {
    CreateInvite {
        max_uses,
        expires_in,
        ..create_invite()
    }
}

async fn a_code_is_made_previewed_and_redeemed_over_every_door(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let [alice] = harness.members().await?;
        let bob = harness.guest("bob", 1).await?;
        let code = alice
            .through(transport)
            .await?
            .call(alice.scope(), &create(Some(2), None))
            .await?
            .code;
        let mut nobody = TransportClient::open(transport, &harness.address(1)?, None).await?;
        let shown = nobody.call(0, &preview_invite(&code)).await?;
        same(
            &shown.server.map(|server| server.server_id.get()),
            &Some(alice.scope()),
        )?;
        same(&shown.uses_left, &Some(2))?;

        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let info = bob
            .through(transport)
            .await?
            .call(0, &redeem_invite(&code))
            .await?;
        same(&info.server.server_id.get(), &alice.scope())?;
        alice
            .sees_event(|joined: &MemberJoined| joined.member.user == bob.user)
            .await?;
        bob.sees_event(|joined: &ServerJoined| joined.server == info.server)
            .await?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
        let shown = nobody.call(0, &preview_invite(&code)).await?;
        same(&shown.uses_left, &Some(1))?;

        // The stream of the new topic flows at once.
        bob.settles(info.server.server_id);
        alice.send("#general", "welcome").await?;
        bob.sees("welcome").await?;
    }
    Ok(())
}

async fn nobody_makes_all_codes_of_a_server(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    for _ in 0..20 {
        let code = bob.call(&create_invite()).await?.code;
        // What he takes back was made all the same.
        bob.call(&revoke_invite(&code)).await?;
    }
    bob.is_refused(bob.scope(), &create_invite(), Reason::LimitReached)
        .await?;
    alice.call(&create_invite()).await?;
    Ok(())
}

async fn members_leave_codes_to_who_manages_the_server(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let (server, creator) = (alice.scope(), alice.user.user_id.get());
    let listed = alice.call(&list_invites()).await?.invites.len();
    let fill = format!(
        "INSERT INTO invites (code, server, creator)
             SELECT 'filled-' || {server} || '-' || n, {server}, {creator}
             FROM generate_series(1, {MAX_MEMBERS_INVITES} - 1 - {listed}) n"
    );
    harness
        .cluster
        .sql(async |client| client.batch_execute(&fill).await)
        .await?;
    bob.call(&create_invite()).await?;
    bob.is_refused(server, &create_invite(), Reason::LimitReached)
        .await?;
    alice.call(&create_invite()).await?;
    Ok(())
}

async fn who_is_kicked_leaves_no_way_in(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let friend = harness.guest("friend", 1).await?;
    let code = bob.invites().await?;
    alice.call(&kick(bob.user.user_id)).await?;
    friend
        .is_refused(0, &redeem_invite(&code), Reason::UnknownInvite)
        .await
}

async fn a_single_use_code_lets_one_of_two_in(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let code = alice.call(&create(Some(1), None)).await?.code;
    let bob = harness.guest("bob", 0).await?;
    let carol = harness.guest("carol", 1).await?;
    let (his, hers) = (redeem_invite(&code), redeem_invite(&code));
    let (first, second) = tokio::join!(bob.client.call(0, &his), carol.client.call(0, &hers));
    match (first, second) {
        (Ok(_), other) | (other, Ok(_)) => refused(other, Reason::UnknownInvite),
        (first, second) => anyhow::bail!("nobody came in: {first:?} {second:?}"),
    }
}

async fn a_repeated_redemption_uses_the_code_once(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let code = alice.call(&create(Some(2), None)).await?.code;
    let bob = harness.guest("bob", 1).await?;
    let request = redeem_invite(&code);
    let first = bob.client.call(0, &request).await?;
    let again = bob
        .through(Transport::Http)
        .await?
        .call(0, &request)
        .await?;
    same(&first, &again)?;
    let shown = bob.client.call(0, &preview_invite(&code)).await?;
    same(&shown.uses_left, &Some(1))?;
    refused(
        bob.client.call(0, &redeem_invite(&code)).await,
        Reason::AlreadyMember,
    )
}

async fn an_expired_or_unknown_code_opens_nothing(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let bob = harness.guest("bob", 1).await?;
    let expired = alice.call(&create(None, Some(0))).await;
    let codes = match expired {
        Ok(made) => vec![made.code, "no-such-code".to_owned(), String::new()],
        // A code that is never valid may as well be refused.
        other => {
            refused(other, Reason::Invalid)?;
            vec!["no-such-code".to_owned(), String::new()]
        }
    };
    for code in codes {
        let due = Reason::UnknownInvite;
        bob.is_refused(0, &redeem_invite(&code), due).await?;
        bob.is_refused(0, &preview_invite(&code), due).await?;
    }
    Ok(())
}

async fn a_deployment_code_needs_the_administrator(harness: &Harness) -> Result<()> {
    let admin = harness.admin().await?;
    let [alice] = harness.members().await?;
    for mut way in admin.ways().await? {
        let made = way.call(0, &create(None, None)).await?;
        let shown = admin.client.call(0, &preview_invite(&made.code)).await?;
        holds(shown.server.is_none(), "it opens no server")?;
        let redeem = redeem_invite(&made.code);
        alice.is_refused(0, &redeem, Reason::UnknownInvite).await?;
    }
    let create = create(None, None);
    alice.is_refused(0, &create, Reason::Forbidden).await
}

async fn an_override_of_a_channel_says_nothing_of_the_server(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let deny = deny_everyone(alice.scope(), Permissions::CREATE_INVITE);
    let general = alice.channel("#general").await?;
    alice.overrides(general, vec![deny]).await?;
    bob.invites().await.map(drop)
}

async fn who_manages_a_server_lists_all_codes_and_others_their_own(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let his = bob.call(&create(Some(3), Some(600))).await?.code;
    for mut way in alice.ways().await? {
        let listed = way.call(alice.scope(), &list_invites()).await?.invites;
        same(&listed.len(), &2)?;
        holds(
            listed.is_sorted_by_key(|invite| invite.code.clone()),
            "by code",
        )?;
        let found = listed.iter().find(|invite| invite.code == his);
        let found = found.map(|i| (i.creator_id, i.max_uses, i.uses, i.revoked));
        same(&found, &Some((bob.user.user_id, Some(3), 0, false)))?;
    }
    for mut way in bob.ways().await? {
        let listed = way.call(bob.scope(), &list_invites()).await?.invites;
        let codes: Vec<_> = listed.into_iter().map(|invite| invite.code).collect();
        same(&codes, &vec![his.clone()])?;
    }
    Ok(())
}

async fn codes_are_listed_in_pages(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(alice.invites().await?);
    }
    made.sort_unstable();
    let mut listed: Vec<String> = Vec::new();
    loop {
        let page = ListInvites {
            after: listed.last().cloned(),
            limit: Some(1),
        };
        let page = alice.call(&page).await?.invites;
        let Some(invite) = page.into_iter().next() else {
            break;
        };
        listed.push(invite.code);
    }
    // One more was made before anybody could join.
    holds(made.iter().all(|code| listed.contains(code)), "all of them")?;
    holds(listed.is_sorted(), "in order")
}

async fn a_revoked_code_opens_nothing(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let [alice] = harness.members().await?;
        let bob = harness.guest("bob", 1).await?;
        let code = alice.invites().await?;
        let revoke = revoke_invite(&code);
        let mut way = alice.through(transport).await?;
        way.call(alice.scope(), &revoke).await?;
        way.call(alice.scope(), &revoke).await?;
        let due = Reason::UnknownInvite;
        bob.is_refused(0, &redeem_invite(&code), due).await?;
        bob.is_refused(0, &preview_invite(&code), due).await?;
        let again = revoke_invite(&code);
        alice.is_refused(alice.scope(), &again, due).await?;
        let listed = alice.call(&list_invites()).await?.invites;
        let found = listed.iter().find(|invite| invite.code == code);
        same(&found.map(|invite| invite.revoked), &Some(true))?;
    }
    Ok(())
}

async fn one_revokes_ones_own_codes_and_a_manager_any(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let [mallory] = harness.members().await?;
    let (hers, his) = (alice.invites().await?, bob.invites().await?);
    // What one does not see does not exist.
    let due = Reason::UnknownInvite;
    bob.is_refused(bob.scope(), &revoke_invite(&hers), due)
        .await?;
    mallory
        .is_refused(mallory.scope(), &revoke_invite(&hers), due)
        .await?;
    alice.call(&revoke_invite(&his)).await?;
    let his = bob.invites().await?;
    bob.call(&revoke_invite(&his)).await?;
    bob.client.call(0, &preview_invite(&hers)).await.map(drop)?;
    Ok(())
}

async fn who_used_a_code_is_listed_with_the_last_one_first(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let [mallory] = harness.members().await?;
    let code = bob.invites().await?;
    let mut people = Vec::new();
    for name in ["carol", "dave", "erin"] {
        let person = harness.guest(name, 0).await?;
        person.joins(&code).await?;
        people.insert(0, person.user.clone());
    }
    // Who made it sees it, and who manages the server.
    for person in [&alice, &bob] {
        for mut way in person.ways().await? {
            let uses = way.call(person.scope(), &list_uses(&code)).await?.uses;
            let users: Vec<_> = uses.iter().map(|used| used.user.clone()).collect();
            same(&users, &people)?;
            holds(
                uses.is_sorted_by_key(|used| u64::MAX - used.used_at),
                "by time",
            )?;
        }
    }
    let mut paged: Vec<InviteUse> = Vec::new();
    loop {
        let page = ListInviteUses {
            after: paged.last().map(|used| used.user.user_id),
            limit: Some(2),
            ..list_uses(&code)
        };
        let page = alice.call(&page).await?.uses;
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    same(&paged.len(), &3)?;
    let hers = alice.invites().await?;
    let due = Reason::UnknownInvite;
    bob.is_refused(bob.scope(), &list_uses(&hers), due).await?;
    mallory
        .is_refused(mallory.scope(), &list_uses(&code), due)
        .await
}

async fn codes_of_the_deployment_are_for_its_administrator(harness: &Harness) -> Result<()> {
    let admin = harness.admin().await?;
    let [alice] = harness.members().await?;
    let code = admin.client.call(0, &create(None, None)).await?.code;
    let page = ListInvites {
        after: None,
        limit: Some(200),
    };
    let listed = admin.client.call(0, &page).await?.invites;
    let found = listed.iter().find(|invite| invite.code == code);
    same(&found.map(|i| i.creator_id), &Some(admin.user.user_id))?;
    same(
        &admin.client.call(0, &list_uses(&code)).await?.uses.len(),
        &0,
    )?;
    // It is none of a server's.
    let due = Reason::UnknownInvite;
    alice
        .is_refused(alice.scope(), &revoke_invite(&code), due)
        .await?;
    alice
        .is_refused(0, &list_invites(), Reason::Forbidden)
        .await?;
    for mut way in admin.ways().await? {
        let code = admin.client.call(0, &create(None, None)).await?.code;
        way.call(0, &revoke_invite(&code)).await?;
        admin.is_refused(0, &preview_invite(&code), due).await?;
    }
    Ok(())
}
