//! Lock-down, by hand and by a raid.

use std::time::Duration;

use anyhow::{Context, Result};
use loadtest::{
    harness::{Harness, Person, eventually, holds, refused, same},
    requests::{
        create_role, create_rule, delete_role, edit_message, get_modlog, leave_server,
        redeem_invite, rule_settings, send_message, set_lockdown, set_roles,
    },
};
use shared::{
    domain::{audit::Action, permissions::Permissions},
    error::Reason,
    ids::{AnyId, RoleId},
    protocol::{
        moderation::{GetModlog, LockdownChanged, RuleKind, RuleSettings, SetLockdown},
        server::GetServer,
    },
};

scenarios! {
    a_server_is_locked_and_opened_over_every_door,
    a_lock_down_ends_by_itself,
    a_raid_locks_the_server_for_a_time,
    a_raid_ends_no_lock_down_that_somebody_set,
    a_lock_down_names_a_role_of_the_server,
    while_only_a_role_may_send_nobody_else_does_over_any_door,
    a_role_that_goes_leaves_nobody_but_who_manages_messages,
}

async fn a_server_is_locked_and_opened_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let stranger = harness.guest("stranger", 1).await?;
    let code = alice.invites().await?;
    for mut way in alice.ways().await? {
        let his = bob.remembers().await?;
        let lock = SetLockdown {
            no_joining: true,
            reason: "a raid".to_owned(),
            ..set_lockdown()
        };
        way.call(alice.scope(), &lock).await?;
        bob.sees_event(|event: &LockdownChanged| event.lockdown.is_some())
            .await?;
        bob.agrees(his).await?;
        let shown = bob.call(&GetServer {}).await?.lockdown;
        same(&shown.map(|lockdown| lockdown.no_joining), &Some(true))?;
        stranger
            .is_refused(0, &redeem_invite(&code), Reason::LockedDown)
            .await?;
        bob.send("#general", "members may speak").await?;

        let his = bob.remembers().await?;
        way.call(alice.scope(), &set_lockdown()).await?;
        bob.agrees(his).await?;
        same(&bob.call(&GetServer {}).await?.lockdown, &None)?;
    }
    stranger.joins(&code).await?;
    let log = GetModlog {
        action: Some(Action::LockdownSet),
        ..get_modlog()
    };
    let entries = alice.call(&log).await?.entries;
    same(&entries.len(), &6)?;
    same(
        &entries.last().map(|entry| entry.reason.clone()),
        &Some("a raid".to_owned()),
    )?;
    bob.is_refused(bob.scope(), &set_lockdown(), Reason::Forbidden)
        .await
}

async fn a_lock_down_ends_by_itself(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let stranger = harness.guest("stranger", 1).await?;
    let code = alice.invites().await?;
    let lock = SetLockdown {
        no_joining: true,
        seconds: Some(2),
        ..set_lockdown()
    };
    alice.call(&lock).await?;
    refused(
        stranger.client.call(0, &redeem_invite(&code)).await,
        Reason::LockedDown,
    )?;
    eventually(Duration::from_secs(10), async || {
        let server = alice.call(&GetServer {}).await?;
        Ok(holds(server.lockdown.is_none(), "a lockdown ends"))
    })
    .await?;
    stranger.joins(&code).await
}

async fn a_raid_locks_the_server_for_a_time(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let code = alice.invites().await?;
    let raid = RuleSettings {
        limit: 2,
        seconds: 600,
        lock_seconds: 600,
        ..rule_settings("raid", RuleKind::Raid, &[])
    };
    let rule = alice.call(&create_rule(raid)).await?;
    let before = alice.remembers().await?;
    for number in 0..3 {
        let raider = harness.guest("raider", number).await?;
        raider.joins(&code).await?;
    }
    let late = harness.guest("late", 0).await?;
    refused(
        late.client.call(0, &redeem_invite(&code)).await,
        Reason::LockedDown,
    )?;
    alice.agrees(before).await?;
    let log = GetModlog {
        action: Some(Action::LockdownSet),
        ..get_modlog()
    };
    let entries = alice.call(&log).await?.entries;
    let entry = entries.first().context("an entry")?;
    same(&entry.actor_id, &None)?;
    same(&entry.target_id.map(AnyId::get), &Some(rule.rule_id.get()))?;
    same(&entry.reason, &"raid".to_owned())
}

async fn a_raid_ends_no_lock_down_that_somebody_set(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let code = alice.invites().await?;
    let raid = RuleSettings {
        limit: 1,
        seconds: 600,
        lock_seconds: 1,
        ..rule_settings("raid", RuleKind::Raid, &[])
    };
    alice.call(&create_rule(raid)).await?;
    let speaker = alice
        .call(&create_role("speaker", Permissions::empty()))
        .await?;
    let quiet = SetLockdown {
        speakers: Some(speaker.role.role_id),
        ..set_lockdown()
    };
    alice.call(&quiet).await?;
    let before = alice.remembers().await?;
    // One who comes and goes is no raid.
    let restless = harness.guest("restless", 0).await?;
    for _ in 0..3 {
        restless.joins(&code).await?;
        let scope = alice.scope();
        restless.client.call(scope, &leave_server()).await?;
    }
    harness.guest("raider", 1).await?.joins(&code).await?;
    alice.agrees(before).await?;
    let shut = alice.call(&GetServer {}).await?.lockdown;
    let shut = shut.context("it is locked")?;
    same(
        &(shut.no_joining, shut.speakers, shut.until),
        &(true, quiet.speakers, None),
    )
}

async fn a_lock_down_names_a_role_of_the_server(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    // That of everyone silences nobody.
    for role in [alice.scope(), 77] {
        let lock = SetLockdown {
            speakers: RoleId::new(role),
            ..set_lockdown()
        };
        alice
            .is_refused(alice.scope(), &lock, Reason::Invalid)
            .await?;
    }
    let long = SetLockdown {
        no_joining: true,
        seconds: Some(2_592_001),
        ..set_lockdown()
    };
    alice
        .is_refused(alice.scope(), &long, Reason::Invalid)
        .await?;
    bob.call(&send_message(general, "still open")).await?;
    Ok(())
}

/// Only who holds the role may send.
fn only(role: RoleId) -> SetLockdown {
    SetLockdown {
        speakers: Some(role),
        ..set_lockdown()
    }
}

async fn make_role(owner: &Person, name: &str, permissions: Permissions) -> Result<RoleId> {
    let made = owner.call(&create_role(name, permissions)).await?;
    Ok(made.role.role_id)
}

async fn while_only_a_role_may_send_nobody_else_does_over_any_door(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob, carol, dave] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let speaker = make_role(&alice, "speaker", Permissions::empty()).await?;
    let warden = make_role(&alice, "warden", Permissions::MANAGE_MESSAGES).await?;
    alice
        .call(&set_roles(bob.user.user_id, vec![speaker]))
        .await?;
    alice
        .call(&set_roles(carol.user.user_id, vec![warden]))
        .await?;
    let earlier = dave.send("#general", "what I said before").await?;
    let his = dave.remembers().await?;
    alice.call(&only(speaker)).await?;
    let said = send_message(general, "may I?");
    let edit = edit_message(general, earlier.message_id, "what I say now");
    let due = Reason::LockedDown;
    dave.is_refused(dave.scope(), &said, due).await?;
    dave.is_refused(dave.scope(), &edit, due).await?;
    dave.agrees(his).await?;
    for person in [&alice, &bob, &carol] {
        for mut way in person.ways().await? {
            let said = send_message(general, "I may");
            way.call(person.scope(), &said).await?;
        }
    }
    // Who gets the role speaks, and who loses it does not, from the reply on.
    alice
        .call(&set_roles(dave.user.user_id, vec![speaker]))
        .await?;
    dave.send("#general", "thank you").await?;
    alice.call(&set_roles(bob.user.user_id, Vec::new())).await?;
    bob.is_refused(bob.scope(), &said, due).await?;
    alice.call(&set_lockdown()).await?;
    bob.send("#general", "open again").await.map(drop)
}

async fn a_role_that_goes_leaves_nobody_but_who_manages_messages(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let speaker = make_role(&alice, "speaker", Permissions::empty()).await?;
    alice
        .call(&set_roles(bob.user.user_id, vec![speaker]))
        .await?;
    alice.call(&only(speaker)).await?;
    bob.send("#general", "while I may").await?;
    alice.call(&delete_role(speaker)).await?;
    let said = send_message(general, "and now?");
    bob.is_refused(bob.scope(), &said, Reason::LockedDown)
        .await?;
    alice.send("#general", "she manages messages").await?;
    alice.call(&set_lockdown()).await?;
    bob.send("#general", "open again").await.map(drop)
}
