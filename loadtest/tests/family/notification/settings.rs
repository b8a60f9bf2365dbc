//! What somebody wants to be told of: set on one device, known on all, and asked for by who decides.

use anyhow::Result;
use loadtest::{
    harness::{Harness, Person, holds, refused, same},
    requests::{deny_everyone, send_message, set_keywords, set_level},
    transport::Transport,
};
use shared::{
    domain::{
        limits::MAX_WATCHED_MEMBERS,
        notification::{LevelScope, NotificationLevel, NotificationRule},
        permissions::Permissions,
    },
    error::Reason,
    ids::{AnyId, Id},
    protocol::notification::{
        GetNotifications, LevelState, ListNotificationLevels, NotificationLevelChanged,
        NotificationsUpdated, QuietHours, SetNotificationLevel, SetNotifications,
    },
};

use super::{explained, last_rule};

scenarios! {
    a_level_is_set_and_listed_over_every_door,
    a_level_names_what_its_sender_saw,
    another_device_hears_of_a_level,
    only_members_are_told_of_all,
    settings_are_set_and_shown_over_every_door,
    settings_that_are_none_are_refused,
    who_asks_is_told_why_over_every_door,
    the_narrowest_level_decides,
    all_of_all_servers_does_not_count_in_a_large_one,
    what_is_not_read_is_not_explained,
}

const ALL: Option<NotificationLevel> = Some(NotificationLevel::All);
const NOTHING: Option<NotificationLevel> = Some(NotificationLevel::Nothing);

/// The server of somebody, as what a level is set for.
fn home(person: &Person) -> Option<AnyId> {
    Id::new(person.scope())
}

/// What somebody set, read in pages of `limit`.
async fn levels_of(person: &Person, limit: u32) -> Result<Vec<LevelState>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let request = ListNotificationLevels {
            newer_than: None,
            after,
            limit: Some(limit),
        };
        let page = person.client.call(0, &request).await?;
        let scopes = page.levels.iter().filter(|level| level.scope_id.is_some());
        holds(scopes.count() <= limit as usize, "no page is larger")?;
        all.extend(page.levels);
        match page.next {
            None => return Ok(all),
            next => after = next,
        }
    }
}

async fn a_level_is_set_and_listed_over_every_door(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let [alice] = harness.members().await?;
        let general = alice.channel("#general").await?;
        let mut way = alice.through(transport).await?;
        let general_level = way.call(0, &set_level(None, NOTHING, 0)).await?;
        same(&(general_level.level, general_level.version), &(NOTHING, 1))?;
        let muted = SetNotificationLevel {
            muted_until: Some(4_000_000_000_001),
            no_everyone: true,
            ..set_level(home(&alice), None, 0)
        };
        let muted = way.call(0, &muted).await?;
        // Kept to the second, and no shorter.
        same(&muted.muted_until, &Some(4_000_000_001_000))?;
        same(&(muted.no_everyone, muted.version), &(true, 2))?;
        let channel = way
            .call(0, &set_level(Some(general.cast()), ALL, 0))
            .await?;
        let mut expected = vec![general_level, muted, channel];
        expected.sort_by_key(|level| level.scope_id);
        for limit in [1, 2, 200] {
            same(&levels_of(&alice, limit).await?, &expected)?;
        }
        let newer = ListNotificationLevels {
            newer_than: Some(2),
            after: None,
            limit: None,
        };
        let newer = way.call(0, &newer).await?;
        same(&(newer.levels.len(), newer.version), &(1, 3))?;
    }
    Ok(())
}

async fn a_level_names_what_its_sender_saw(harness: &Harness) -> Result<()> {
    let alice = harness.guest("alice", 0).await?;
    for mut way in alice.ways().await? {
        let before = levels_of(&alice, 200)
            .await?
            .first()
            .map_or(0, |level| level.version);
        let set = way.call(0, &set_level(None, NOTHING, before)).await?;
        // The answer was lost: a repeat is answered the same.
        same(&way.call(0, &set_level(None, NOTHING, before)).await?, &set)?;
        let other = way.call(0, &set_level(None, ALL, before)).await;
        refused(other, Reason::Moved)?;
        way.call(0, &set_level(None, None, set.version)).await?;
    }
    Ok(())
}

async fn another_device_hears_of_a_level(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    let tablet = harness.second_session(&alice).await?;
    let set = alice.client.call(0, &set_level(None, ALL, 0)).await?;
    tablet
        .sees_event(|changed: &NotificationLevelChanged| changed.level == set)
        .await?;
    same(&levels_of(&tablet, 200).await?, &vec![set])
}

async fn only_members_are_told_of_all(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let stranger = harness.guest("stranger", 0).await?;
    let general: AnyId = alice.channel("#general").await?.cast();
    for scope in [home(&alice), Some(general), Id::new(7)] {
        let all = set_level(scope, ALL, 0);
        stranger.is_refused(0, &all, Reason::UnknownItem).await?;
        // Anything else it may say of what it does not see: nothing follows from it.
        let nothing = stranger
            .client
            .call(0, &set_level(scope, NOTHING, 0))
            .await?;
        stranger
            .client
            .call(0, &set_level(scope, None, nothing.version))
            .await?;
    }
    bob.client
        .call(0, &set_level(Some(general), ALL, 0))
        .await?;
    Ok(())
}

async fn settings_are_set_and_shown_over_every_door(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let alice = harness.registered("alice", 0).await?;
        let tablet = harness.second_session(&alice).await?;
        let mut way = alice.through(transport).await?;
        let before = way.call(0, &GetNotifications {}).await?;
        same(
            &(before.version, before.private, before.keywords.len()),
            &(0, false, 0),
        )?;
        let quiet = QuietHours {
            from: 22 * 60,
            to: 7 * 60,
            zone: "Europe/Berlin".to_owned(),
        };
        let set = SetNotifications {
            quiet: Some(quiet.clone()),
            private: true,
            ..set_keywords(&["Release", "code review"])
        };
        let version = way.call(0, &set).await?.version;
        same(&version, &1)?;
        tablet
            .sees_event(|told: &NotificationsUpdated| told.version == version)
            .await?;
        let shown = tablet.client.call(0, &GetNotifications {}).await?;
        same(
            &(shown.quiet, shown.private, shown.version),
            &(Some(quiet), true, 1),
        )?;
        same(
            &shown.keywords,
            &vec!["Release".to_owned(), "code review".to_owned()],
        )?;
        // A repeat changes nothing.
        same(&way.call(0, &set).await?.version, &1)?;
        same(&way.call(0, &set_keywords(&[])).await?.version, &2)?;
        same(
            &way.call(0, &GetNotifications {}).await?.keywords,
            &Vec::new(),
        )?;
    }
    Ok(())
}

async fn settings_that_are_none_are_refused(harness: &Harness) -> Result<()> {
    let alice = harness.guest("alice", 0).await?;
    let many: Vec<String> = (0..21).map(|number| format!("word{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    alice
        .is_refused(0, &set_keywords(&many), Reason::LimitReached)
        .await?;
    alice
        .client
        .call(0, &set_keywords(many.get(1..).unwrap_or_default()))
        .await?;
    let long = "a".repeat(65);
    for wrong in ["", "!?", &long] {
        alice
            .is_refused(0, &set_keywords(&[wrong]), Reason::Invalid)
            .await?;
    }
    for (from, to, zone) in [
        (0, 0, "UTC"),
        (1_440, 0, "UTC"),
        (0, 70_000, "UTC"),
        (0, 1, "Nowhere/Land"),
    ] {
        let quiet = QuietHours {
            from,
            to,
            zone: zone.to_owned(),
        };
        let wrong = SetNotifications {
            quiet: Some(quiet),
            ..set_keywords(&[])
        };
        alice.is_refused(0, &wrong, Reason::Invalid).await?;
    }
    // Nothing of it was kept.
    let shown = alice.client.call(0, &GetNotifications {}).await?;
    same(&(shown.version, shown.keywords.len()), &(1, 20))
}

async fn who_asks_is_told_why_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let sent = alice
        .send("#general", &format!("<@{}>!", bob.user.user_id))
        .await?;
    let plain = alice.send("#general", "nobody").await?;
    for mut way in bob.ways().await? {
        let explain = loadtest::requests::explain(general, sent.message_id);
        let told = way.call(bob.scope(), &explain).await?;
        // He has no device: that is all that is missing, and there is nothing to become of it.
        let failed: Vec<_> = told.steps.iter().filter(|step| !step.holds).collect();
        let failed: Vec<_> = failed.iter().map(|step| step.rule).collect();
        same(
            &(told.reason, failed, told.state),
            &(None, vec![NotificationRule::HasDevice], None),
        )?;
        let explain = loadtest::requests::explain(general, plain.message_id);
        let told = way.call(bob.scope(), &explain).await?;
        same(
            &(told.reason, last_rule(&told)),
            &(None, Some(NotificationRule::Called)),
        )?;
    }
    let own = explained(&alice, (general, sent.message_id)).await?;
    same(&last_rule(&own), &Some(NotificationRule::NotOwn))
}

async fn the_narrowest_level_decides(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let place = (
        general,
        alice.send("#general", "good morning").await?.message_id,
    );
    let set = async |scope, level| {
        let version = levels_of(&bob, 200).await?.into_iter();
        let mut version = version
            .filter(|it| it.scope_id == scope)
            .map(|it| it.version);
        let set = set_level(scope, level, version.next().unwrap_or_default());
        Ok::<_, anyhow::Error>(bob.client.call(0, &set).await?)
    };
    let told = async || {
        let told = explained(&bob, place).await?;
        let scope = told
            .steps
            .iter()
            .find(|step| step.rule == NotificationRule::Level);
        Ok::<_, anyhow::Error>((last_rule(&told), scope.and_then(|step| step.scope)))
    };
    let (channel, server) = (Some(general.cast()), home(&bob));
    let not_called = Some(NotificationRule::Called);
    same(&told().await?, &(not_called, Some(LevelScope::Deployment)))?;
    set(None, ALL).await?;
    // Every rule of his holds; but nobody has a device here.
    let all = Some(NotificationRule::HasDevice);
    same(&told().await?, &(all, Some(LevelScope::Deployment)))?;
    set(server, NOTHING).await?;
    let nothing = Some(NotificationRule::Level);
    same(&told().await?, &(nothing, Some(LevelScope::Server)))?;
    set(channel, ALL).await?;
    same(&told().await?, &(all, Some(LevelScope::Channel)))?;
    set(channel, None).await?;
    same(&told().await?, &(nothing, Some(LevelScope::Server)))
}

async fn all_of_all_servers_does_not_count_in_a_large_one(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let sent = alice.send("#general", "good morning").await?;
    bob.client.call(0, &set_level(None, ALL, 0)).await?;
    let last_of = async || {
        let told = explained(&bob, (general, sent.message_id)).await?;
        Ok::<_, anyhow::Error>(last_rule(&told))
    };
    same(&last_of().await?, &Some(NotificationRule::HasDevice))?;
    let server = alice.scope();
    let grow =
        format!("UPDATE servers SET member_count = {MAX_WATCHED_MEMBERS} + 1 WHERE id = {server}");
    let grown = harness
        .cluster
        .sql(async |client| client.batch_execute(&grow).await);
    grown.await?;
    same(&last_of().await?, &Some(NotificationRule::Called))?;
    // Asked for there, it counts.
    bob.client.call(0, &set_level(home(&bob), ALL, 0)).await?;
    same(&last_of().await?, &Some(NotificationRule::HasDevice))
}

async fn what_is_not_read_is_not_explained(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let hidden = deny_everyone(alice.scope(), Permissions::VIEW_CHANNEL);
    let secret = alice.creates_channel("#secret", vec![hidden]).await?;
    let sent = alice.call(&send_message(secret, "psst")).await?;
    let explain = loadtest::requests::explain(secret, sent.message_id);
    bob.is_refused(bob.scope(), &explain, Reason::UnknownChannel)
        .await?;
    let general = bob.channel("#general").await?;
    let elsewhere = loadtest::requests::explain(general, sent.message_id);
    bob.is_refused(bob.scope(), &elsewhere, Reason::UnknownMessage)
        .await
}
