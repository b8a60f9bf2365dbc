//! Presence: who is there, who is told, and the status that an account shows.

mod online;
mod stays;

use std::time::Duration;

use anyhow::{Context, Result};
use loadtest::{
    client::{CallError, Client, Options, log::Seen},
    harness::{Harness, Person, eventually, holds, refused, same},
    requests::{
        delete_server, get_presences, join_as_guest, leave_server, redeem_invite, set_status,
        watch_presences,
    },
    transport::{Transport, TransportClient},
};
use shared::{
    error::Reason,
    ids::{Id, UserId},
    protocol::{
        presence::{
            GetStatus, PresenceChange, PresenceChanged, PresenceState, Presences, SetStatus,
            Status, StatusKind, StatusUpdated,
        },
        server::{GetServer, ServerDeleted},
    },
};

scenarios! {
    a_status_is_set_and_shown_over_every_door,
    a_status_has_a_text_of_a_hundred_characters_and_an_end_that_is_to_come,
    a_repeated_status_is_set_once,
    other_devices_hear_of_a_status_and_a_device_that_was_away_fetches_it,
    members_are_seen_over_every_door,
    who_watches_is_told_who_comes_and_goes,
    an_account_is_idle_where_all_of_its_devices_are,
    who_is_invisible_looks_like_nobody,
    who_hides_is_seen_as_he_was_until_he_is_not,
    a_status_that_ends_goes_back,
    a_watch_ends_with_the_membership_that_it_rests_on,
    only_members_are_seen,
    a_connection_watches_so_many_and_no_more,
    a_new_watch_replaces_the_old_one,
    a_deleted_server_ends_its_watches,
}

/// How long somebody waits for what has to happen.
const PATIENCE: Duration = Duration::from_secs(30);
fn ids(people: &[&Person]) -> Vec<UserId> {
    people.iter().map(|person| person.user.user_id).collect()
}

/// How somebody looks in an answer.
fn state_of(presences: &Presences, person: &Person) -> Option<PresenceState> {
    let mut members = presences.members.iter();
    let found = members.find(|member| member.user_id == person.user.user_id);
    found.map(|member| member.state)
}

/// Waits until any worker says that somebody looks so.
async fn looks(way: &mut TransportClient, at: &Person, due: PresenceState) -> Result<Presences> {
    let asked = get_presences(ids(&[at]));
    eventually(PATIENCE, async || {
        let presences = way.call(at.scope(), &asked).await?;
        let looks = state_of(&presences, at) == Some(due);
        let never = format!("{} never looks {due:?}: {presences:?}", at.name);
        Ok(holds(looks, &never).map(|()| presences))
    })
    .await
}

/// Watches, and answers where in the log of the client what follows begins.
async fn watches(person: &Person, whom: &[&Person]) -> Result<(u64, Presences)> {
    let position = person.client.log().end();
    let watched = person.call(&watch_presences(ids(whom))).await?;
    Ok((position, watched))
}

/// Waits until a watcher is told that somebody looks so, from a place of the log on.
async fn told(
    watcher: &Person,
    position: u64,
    (of, state): (&Person, PresenceState),
) -> Result<()> {
    let user_id = of.user.user_id;
    told_change(watcher, position, &PresenceChange { user_id, state })
        .await
        .with_context(|| format!("{} is {state:?}", of.name))
}

async fn told_change(watcher: &Person, position: u64, change: &PresenceChange) -> Result<()> {
    hears(&watcher.client, position, change)
        .await
        .with_context(|| format!("{} is not told", watcher.name))
}

/// Waits until a client is told of a change.
async fn hears(client: &Client, position: u64, change: &PresenceChange) -> Result<()> {
    let found = client.log().wait(position, PATIENCE, |seen| {
        let changed = seen.event::<PresenceChanged>()?;
        changed.changes.contains(change).then_some(())
    });
    found
        .await
        .with_context(|| format!("{:?} never comes", change.state))
}

/// A guest in a server, whose client is no one else's: dropping it ends the connection.
async fn visitor(harness: &Harness, gateway: usize, code: &str) -> Result<(Client, UserId)> {
    let client = Client::connect(vec![harness.address(gateway)?], Options::default());
    let signed_in = client.call(0, &join_as_guest()).await?;
    client.identify(&signed_in.token).await?;
    client.call(0, &redeem_invite(code)).await?;
    Ok((client, signed_in.user.user_id))
}

/// What a watcher was told of somebody.
fn heard(watcher: &Person, of: &Person) -> Vec<PresenceState> {
    let log = watcher.client.log().since(0);
    let changed = log.iter().filter_map(Seen::event::<PresenceChanged>);
    changed
        .flat_map(|changed| changed.changes)
        .filter(|change| change.user_id == of.user.user_id)
        .map(|change| change.state)
        .collect()
}

/// Waits until a watcher was told of somebody else who comes afterwards: what was to come
/// before has come by then.
async fn marks(harness: &Harness, watcher: &Person, code: &str, others: &[&Person]) -> Result<()> {
    let marker = harness.guest("marker", 1).await?;
    marker.joins(code).await?;
    let mut whom = others.to_vec();
    whom.push(&marker);
    let busy = SetStatus {
        status: StatusKind::Dnd,
        ..set_status()
    };
    let (position, _) = watches(watcher, &whom).await?;
    marker.client.call(0, &busy).await?;
    told(watcher, position, (&marker, PresenceState::Dnd)).await
}

async fn a_status_is_set_and_shown_over_every_door(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    let first = alice.client.call(0, &GetStatus {}).await?;
    same(&(first.status, first.version), &(StatusKind::Online, 0))?;
    let mut version = 0;
    for transport in Transport::ALL {
        let mut way = alice.through(transport).await?;
        let set = SetStatus {
            status: StatusKind::Dnd,
            text: Some(" at work ".to_owned()),
            ..set_status()
        };
        let changed = way.call(0, &set).await?.version;
        holds(changed > version, "each change has a version")?;
        version = changed;
        let status = way.call(0, &GetStatus {}).await?;
        let due = Status {
            status: StatusKind::Dnd,
            text: "at work".to_owned(),
            until: None,
            version,
        };
        same(&status, &due)?;
        version = way.call(0, &set_status()).await?.version;
        let cleared = way.call(0, &GetStatus {}).await?;
        let due = Status {
            version,
            ..Status::default()
        };
        same(&cleared, &due)?;
    }
    Ok(())
}

async fn a_status_has_a_text_of_a_hundred_characters_and_an_end_that_is_to_come(
    harness: &Harness,
) -> Result<()> {
    let alice = harness.guest("alice", 0).await?;
    let with = |text: String| SetStatus {
        text: Some(text),
        ..set_status()
    };
    alice.client.call(0, &with("é".repeat(100))).await?;
    alice
        .is_refused(0, &with("é".repeat(101)), Reason::TooLarge)
        .await?;
    for text in [
        "two\nlines",
        "two\u{2028}lines",
        "a\rb",
        "\u{202e}gnp.",
        "c\u{200b}d",
    ] {
        alice
            .is_refused(0, &with(text.to_owned()), Reason::Invalid)
            .await?;
    }
    let past = SetStatus {
        until: Some(1_000),
        ..set_status()
    };
    alice.is_refused(0, &past, Reason::Invalid).await
}

async fn a_repeated_status_is_set_once(harness: &Harness) -> Result<()> {
    let alice = harness.guest("alice", 0).await?;
    let first = set_status();
    let version = alice.client.call(0, &first).await?.version;
    let second = alice.client.call(0, &set_status()).await?.version;
    for mut way in alice.ways().await? {
        same(&way.call(0, &first).await?.version, &version)?;
    }
    same(&alice.client.call(0, &GetStatus {}).await?.version, &second)
}

async fn other_devices_hear_of_a_status_and_a_device_that_was_away_fetches_it(
    harness: &Harness,
) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    alice.creates_server("Alone").await?;
    let tablet = harness.second_session(&alice).await?;
    let before = tablet.remembers().await?;
    let set = SetStatus {
        status: StatusKind::Idle,
        text: Some("away".to_owned()),
        ..set_status()
    };
    let version = alice.client.call(0, &set).await?.version;
    tablet
        .sees_event(|updated: &StatusUpdated| {
            (updated.status, updated.version) == (StatusKind::Idle, version)
        })
        .await?;
    tablet.agrees(before).await?;
    let fetched = tablet.client.call(0, &GetStatus {}).await?;
    same(
        &(fetched.text.as_str(), fetched.version),
        &("away", version),
    )?;
    // The log has no text: what is stored of it is gone with the next one.
    let texts = "SELECT count(*) FROM events WHERE position('away'::bytea IN body) > 0";
    let found = harness
        .cluster
        .sql(async |client| client.query_one(texts, &[]).await)
        .await?;
    same(&found.get::<_, i64>(0), &0)
}

async fn members_are_seen_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let gone = harness.guest("gone", 1).await?;
    gone.joins(&alice.invites().await?).await?;
    for mut way in alice.ways().await? {
        looks(&mut way, &bob, PresenceState::Online).await?;
    }
    let busy = SetStatus {
        status: StatusKind::Dnd,
        text: Some("in a meeting".to_owned()),
        ..set_status()
    };
    bob.client.call(0, &busy).await?;
    for mut way in alice.ways().await? {
        let presences = looks(&mut way, &bob, PresenceState::Dnd).await?;
        let texts: Vec<_> = presences.members.iter().map(|it| it.text.clone()).collect();
        same(&texts, &vec!["in a meeting".to_owned()])?;
        // Whom one asks for twice is answered once; over HTTP a watch is a look.
        let twice = watch_presences(ids(&[&bob, &alice, &bob]));
        same(&way.call(alice.scope(), &twice).await?.members.len(), &2)?;
    }
    Ok(())
}

async fn who_watches_is_told_who_comes_and_goes(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let code = alice.invites().await?;
    // One on each gateway, so both ways are tried.
    for watcher in [&alice, &bob] {
        for gateway in 0..2 {
            let (carol, user_id) = visitor(harness, gateway, &code).await?;
            let position = watcher.client.log().end();
            let watched = watcher.call(&watch_presences(vec![user_id])).await?;
            let first = watched.members.first().map(|member| member.state);
            let change = |state| PresenceChange { user_id, state };
            if first != Some(PresenceState::Online) {
                told_change(watcher, position, &change(PresenceState::Online)).await?;
            }
            // Without a goodbye, as a crash would.
            drop(carol);
            told_change(watcher, position, &change(PresenceState::Offline)).await?;
        }
    }
    Ok(())
}

async fn an_account_is_idle_where_all_of_its_devices_are(harness: &Harness) -> Result<()> {
    let alice = harness.guest("alice", 0).await?;
    alice.creates_server("Company").await?;
    let bob = harness.registered("bob", 0).await?;
    bob.joins(&alice.invites().await?).await?;
    let tablet = harness.second_session(&bob).await?;
    let (position, _) = watches(&alice, &[&bob]).await?;
    bob.client.set_idle(true).await?;
    tablet.client.set_idle(true).await?;
    told(&alice, position, (&bob, PresenceState::Idle)).await?;
    // Who resumes says so before, and was never used in between.
    let position = alice.client.log().end();
    bob.client.resume_on(None).await?;
    tablet.client.resume_on(None).await?;
    bob.send("#general", "idle as before").await?;
    let code = alice.invites().await?;
    marks(harness, &alice, &code, &[&bob]).await?;
    let fresh = alice.client.log().since(position);
    let fresh = fresh.iter().filter_map(Seen::event::<PresenceChanged>);
    let about = |it: &PresenceChanged| it.changes.iter().any(|it| it.user_id == bob.user.user_id);
    same(&fresh.filter(about).count(), &0)?;
    let position = alice.client.log().end();
    bob.client.set_idle(false).await?;
    told(&alice, position, (&bob, PresenceState::Online)).await
}

async fn who_is_invisible_looks_like_nobody(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let code = alice.invites().await?;
    let (position, _) = watches(&alice, &[&bob]).await?;
    // Who hides before he was ever shown goes unnoticed: first he has to be seen. What a worker
    // said of him before may be corrected until then.
    let busy = SetStatus {
        status: StatusKind::Dnd,
        ..set_status()
    };
    bob.client.call(0, &busy).await?;
    told(&alice, position, (&bob, PresenceState::Dnd)).await?;
    let position = alice.client.log().end();
    let hide = SetStatus {
        status: StatusKind::Invisible,
        text: Some("hidden".to_owned()),
        ..set_status()
    };
    bob.client.call(0, &hide).await?;
    // As of somebody who leaves: by what gateways tell, for who asks and for who watches.
    told(&alice, position, (&bob, PresenceState::Offline)).await?;
    for mut way in alice.ways().await? {
        looks(&mut way, &bob, PresenceState::Offline).await?;
    }
    // Whatever he does: another gateway, other devices, idle or not.
    let before = heard(&alice, &bob).len();
    bob.client.resume_on(None).await?;
    bob.client.set_idle(true).await?;
    let twin = harness.client(0);
    twin.identify(&bob.token).await?;
    bob.send("#general", "I am here").await?;
    alice.sees("I am here").await?;
    marks(harness, &alice, &code, &[&bob]).await?;
    same(&heard(&alice, &bob).len(), &before)?;
    for mut way in alice.ways().await? {
        let presences = way
            .call(alice.scope(), &get_presences(ids(&[&bob])))
            .await?;
        let [member] = presences.members.as_slice() else {
            anyhow::bail!("one member was asked for: {presences:?}");
        };
        same(
            &(member.state, member.text.as_str()),
            &(PresenceState::Offline, ""),
        )?;
    }
    // He himself sees what he set.
    same(
        &bob.client.call(0, &GetStatus {}).await?.text,
        &"hidden".to_owned(),
    )?;
    let (position, _) = watches(&alice, &[&bob]).await?;
    bob.client.call(0, &set_status()).await?;
    bob.client.set_idle(false).await?;
    told(&alice, position, (&bob, PresenceState::Online)).await
}

async fn who_hides_is_seen_as_he_was_until_he_is_not(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let busy = || SetStatus {
        status: StatusKind::Dnd,
        text: Some("at work".to_owned()),
        ..set_status()
    };
    let hide = |text: &str| SetStatus {
        status: StatusKind::Invisible,
        text: Some(text.to_owned()),
        ..set_status()
    };
    let mut way = alice.through(Transport::Http).await?;
    let asked = get_presences(ids(&[&bob]));
    // A text that goes first, or another one, would tell who hides from who leaves.
    for _ in 0..3 {
        bob.client.call(0, &busy()).await?;
        looks(&mut way, &bob, PresenceState::Dnd).await?;
        bob.client.call(0, &hide("hidden")).await?;
        bob.client.call(0, &hide("and again")).await?;
        let mut seen = Vec::new();
        eventually(PATIENCE, async || {
            let presences = way.call(alice.scope(), &asked).await?;
            let look = presences.members.into_iter().next().context("a look")?;
            let hides = (look.state, look.text.as_str()) == (PresenceState::Offline, "");
            if !hides {
                seen.push((look.state, look.text));
            }
            Ok(holds(hides, "who hides is seen no more"))
        })
        .await?;
        seen.dedup();
        let before = (PresenceState::Dnd, "at work".to_owned());
        holds(
            seen.iter().all(|look| *look == before),
            &format!("{seen:?}"),
        )?;
    }
    Ok(())
}

async fn a_status_that_ends_goes_back(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let now = alice
        .client
        .call(0, &shared::protocol::ping::Ping {})
        .await?
        .now;
    let soon = SetStatus {
        status: StatusKind::Dnd,
        text: Some("for a moment".to_owned()),
        until: Some(now + 3_000),
        ..set_status()
    };
    let (position, _) = watches(&alice, &[&bob]).await?;
    bob.client.call(0, &soon).await?;
    told(&alice, position, (&bob, PresenceState::Dnd)).await?;
    told(&alice, position, (&bob, PresenceState::Online)).await?;
    eventually(PATIENCE, async || {
        let status = bob.client.call(0, &GetStatus {}).await?;
        Ok(holds(status.text.is_empty(), "the text ends, too"))
    })
    .await
}

async fn a_watch_ends_with_the_membership_that_it_rests_on(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let code = alice.invites().await?;
    watches(&alice, &[&bob, &carol]).await?;
    watches(&carol, &[&bob]).await?;
    let leave = leave_server();
    // The watched one leaves: nobody hears of him any more.
    bob.call(&leave).await?;
    let busy = SetStatus {
        status: StatusKind::Dnd,
        ..set_status()
    };
    bob.client.call(0, &busy).await?;
    // Who watches leaves: he hears of nobody there any more.
    let leave = leave_server();
    carol.call(&leave).await?;
    let marker = harness.guest("marker", 1).await?;
    marker.joins(&code).await?;
    let (position, _) = watches(&alice, &[&marker]).await?;
    alice.client.call(0, &busy).await?;
    marker.client.call(0, &busy).await?;
    told(&alice, position, (&marker, PresenceState::Dnd)).await?;
    let busy = |states: Vec<PresenceState>| !states.contains(&PresenceState::Dnd);
    holds(busy(heard(&alice, &bob)), "alice hears of bob, who left")?;
    holds(busy(heard(&carol, &bob)), "carol hears of bob")?;
    let again = carol.call(&watch_presences(ids(&[&alice]))).await;
    refused(again, Reason::UnknownServer)
}

async fn only_members_are_seen(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let stranger = harness.guest("stranger", 1).await?;
    let nobody = Id::new(77).context("an id")?;
    let mut asked = ids(&[&stranger, &bob]);
    asked.push(nobody);
    for mut way in alice.ways().await? {
        for presences in [
            way.call(alice.scope(), &get_presences(asked.clone()))
                .await?,
            way.call(alice.scope(), &watch_presences(asked.clone()))
                .await?,
        ] {
            let seen: Vec<_> = presences.members.iter().map(|it| it.user_id).collect();
            same(&seen, &ids(&[&bob]))?;
        }
    }
    alice
        .is_refused(0, &get_presences(asked), Reason::Malformed)
        .await
}

async fn a_connection_watches_so_many_and_no_more(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let many: Vec<UserId> = (1..=201).filter_map(Id::new).collect();
    for refused in [
        alice
            .is_refused(
                alice.scope(),
                &get_presences(many.clone()),
                Reason::TooLarge,
            )
            .await,
        alice
            .is_refused(alice.scope(), &watch_presences(many), Reason::TooLarge)
            .await,
    ] {
        refused?;
    }
    let own = watch_presences(ids(&[&alice]));
    for number in 0..5 {
        alice.creates_server(&format!("Server {number}")).await?;
        watch_soon(&alice, alice.scope()).await?;
    }
    let sixth = alice.creates_server("One more").await?;
    // The session may not hear the new server yet.
    eventually(PATIENCE, async || {
        let watched = alice.client.call(sixth.get(), &own).await;
        Ok(refused(watched, Reason::LimitReached))
    })
    .await
}

/// Watches oneself in a server that was just made: the session may not hear it yet.
async fn watch_soon(person: &Person, scope: u64) -> Result<()> {
    let own = watch_presences(ids(&[person]));
    eventually(PATIENCE, async || {
        match person.client.call(scope, &own).await {
            Err(CallError::Refused(busy)) if busy.reason == Reason::Busy => {
                Ok(Err(CallError::Refused(busy).into()))
            }
            watched => Ok(Ok(watched.map(drop)?)),
        }
    })
    .await
}

async fn a_new_watch_replaces_the_old_one(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let code = alice.invites().await?;
    watches(&alice, &[&bob]).await?;
    watches(&alice, &[&carol]).await?;
    let busy = |status| SetStatus {
        status,
        ..set_status()
    };
    bob.client.call(0, &busy(StatusKind::Dnd)).await?;
    marks(harness, &alice, &code, &[&carol]).await?;
    holds(
        !heard(&alice, &bob).contains(&PresenceState::Dnd),
        "bob is watched no longer",
    )?;
    // Watching nobody ends it; another connection of the same session watches by itself.
    watches(&alice, &[]).await?;
    let twin = Client::connect(vec![harness.address(0)?], Options::default());
    twin.identify(&alice.token).await?;
    let watched = twin
        .call(alice.scope(), &watch_presences(ids(&[&carol])))
        .await?;
    same(&watched.members.len(), &1)?;
    carol.client.call(0, &busy(StatusKind::Dnd)).await?;
    let change = PresenceChange {
        user_id: carol.user.user_id,
        state: PresenceState::Dnd,
    };
    hears(&twin, 0, &change).await?;
    holds(
        !heard(&alice, &carol).contains(&PresenceState::Dnd),
        "the first connection watches nobody",
    )
}

async fn a_deleted_server_ends_its_watches(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    watches(&carol, &[&bob]).await?;
    let server = carol.client.call(alice.scope(), &GetServer {}).await?;
    alice.call(&delete_server(&server.server.name)).await?;
    carol.sees_event(|_: &ServerDeleted| true).await?;
    let busy = SetStatus {
        status: StatusKind::Dnd,
        ..set_status()
    };
    bob.client.call(0, &busy).await?;
    // What she hears of in another server comes after what she must not hear.
    let other = carol.creates_server("Elsewhere").await?;
    watch_soon(&carol, other.get()).await?;
    carol.client.call(0, &busy).await?;
    told(&carol, 0, (&carol, PresenceState::Dnd)).await?;
    same(&heard(&carol, &bob).contains(&PresenceState::Dnd), &false)
}
