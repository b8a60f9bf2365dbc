//! Lock-down, by hand and by a raid.

use anyhow::{Context, Result};
use loadtest::{
    harness::{Harness, refused, same},
    requests::{create_rule, get_modlog, redeem_invite, rule_settings, send_message, set_lockdown},
};
use shared::{
    domain::audit::Action,
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
    a_lock_down_names_a_role_of_the_server,
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
    // It is asked again until the clock says so.
    while alice.call(&GetServer {}).await?.lockdown.is_some() {
        tokio::task::yield_now().await;
    }
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
