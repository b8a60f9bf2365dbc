//! Unread: cursors that move on, back, and on every device.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use loadtest::{
    client::{Client, log::Seen},
    cluster::Settings,
    harness::{Harness, Person, holds, refused, same, scenario_on},
    random::{Random, seed},
    requests::{ack_unread, get_unreads, hide_channel, mark_unread, send_message},
    transport::Transport,
};
use shared::{
    error::Reason,
    ids::{ChannelId, Id},
    protocol::{
        control::Registers,
        unread::{AckUnread, ReadCursor, Unread, UnreadMoved},
    },
};

scenarios! {
    what_is_read_is_not_unread_over_every_door,
    a_cursor_never_goes_back_by_reading,
    marking_as_unread_goes_back_from_what_was_seen,
    another_device_on_another_gateway_is_told_at_once,
    reading_in_quick_succession_is_one_change_and_all_are_answered,
    a_channel_out_of_sight_is_kept_and_not_shown,
    a_write_says_nothing_of_what_one_does_not_see,
    what_is_newer_is_fetched_after_a_gap,
    three_devices_end_where_a_recount_ends,
}

/// How long somebody waits for what has to happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of `#general` somebody has not read.
async fn unread(person: &Person) -> Result<u64> {
    let unread = person.unread("#general").await?;
    Ok(unread.context("there is no cursor")?.unread)
}

/// The register version that the last `ready` named.
fn registers(client: &Client) -> Result<u64> {
    Ok(client.ready().context("the session is not open")?.registers)
}

async fn what_is_read_is_not_unread_over_every_door(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let [alice, bob] = harness.members().await?;
        let general = bob.channel("#general").await?;
        same(&bob.unread("#general").await?, &None)?;
        for text in ["one", "two", "three"] {
            alice.send("#general", text).await?;
        }
        let mut way = bob.through(transport).await?;
        let cursor = way.call(0, &ack_unread(general, 2)).await?;
        same(&(cursor.seq, cursor.version), &(2, 1))?;
        let fetched = way.call(0, &get_unreads(None)).await?;
        let [found] = fetched.unreads.as_slice() else {
            anyhow::bail!("one cursor was due, not {fetched:?}");
        };
        same(&(found.unread, found.last_seq), &(1, 3))?;
        same(&(found.server_id.get(), fetched.version), &(bob.scope(), 1))?;
        alice.send("#general", "four").await?;
        same(&unread(&bob).await?, &2)?;
        bob.reads("#general").await?;
        same(&unread(&bob).await?, &0)?;
        // Nobody else has read anything.
        same(&alice.unread("#general").await?, &None)?;
    }
    Ok(())
}

async fn a_cursor_never_goes_back_by_reading(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    same(&alice.reads_to(general, 9).await?.version, &1)?;
    let again = alice.reads_to(general, 4).await?;
    same(&(again.seq, again.version), &(9, 1))
}

async fn marking_as_unread_goes_back_from_what_was_seen(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    for mut way in alice.ways().await? {
        let seen = way.call(0, &ack_unread(general, 9)).await?.version;
        let marked = way.call(0, &mark_unread(general, 1, seen)).await?;
        same(&(marked.seq, marked.version), &(1, seen + 1))?;
        // The answer was lost: a repeat is answered the same.
        same(&way.call(0, &mark_unread(general, 1, seen)).await?, &marked)?;
        refused(
            way.call(0, &mark_unread(general, 2, seen)).await,
            Reason::Moved,
        )?;
    }
    Ok(())
}

async fn another_device_on_another_gateway_is_told_at_once(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    alice.creates_server("Alone").await?;
    let general = alice.channel("#general").await?;
    let tablet = harness.second_session(&alice).await?;
    let before = alice.remembers().await?;
    let seen = alice.reads_to(general, 3).await?.version;
    let marked = alice.client.call(0, &mark_unread(general, 1, seen)).await?;
    tablet
        .sees_event(|moved: &UnreadMoved| moved.cursor == marked)
        .await?;
    let placeless = tablet.client.log().since(0).iter().all(|seen| match seen {
        Seen::Event { seq, .. } => seen.event::<UnreadMoved>().is_none() || *seq == 0,
        _ => true,
    });
    holds(placeless, "a cursor has no place in the topic")?;
    // Were the event lost, the head of the account would tell.
    let version = marked.version;
    let head = tablet.client.log().wait(0, PATIENCE, |seen| {
        (*seen == Seen::Registers(Registers { version })).then_some(())
    });
    head.await.context("the head is not told")?;
    // State before + events = state after.
    alice.agrees(before).await
}

async fn reading_in_quick_succession_is_one_change_and_all_are_answered(
    harness: &Harness,
) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    alice.reads_to(general, 1).await?;
    let twin = harness.client(1);
    twin.identify(&alice.token).await?;
    let requests: Vec<AckUnread> = (2..=20).map(|seq| ack_unread(general, seq)).collect();
    let here = try_join_all(requests.iter().map(|ack| alice.client.call(0, ack)));
    let there = try_join_all(requests.iter().map(|ack| twin.call(0, ack)));
    let started = Instant::now();
    let (here, there) = tokio::join!(here, there);
    for cursors in [here?, there?] {
        for (cursor, request) in cursors.iter().zip(&requests) {
            holds(
                cursor.seq >= request.seq,
                "answered with itself or a larger",
            )?;
        }
    }
    let version = alice.unreads(None).await?.version;
    // Two in each second at most: what opens a window, and what came within it.
    let most = 2 * (started.elapsed().as_secs() + 2);
    holds(version <= most, &format!("{version} changes, not {most}"))
}

async fn a_channel_out_of_sight_is_kept_and_not_shown(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let room = alice.creates_channel("#room", Vec::new()).await?;
    alice.send("#room", "seen").await?;
    bob.reads("#room").await?;
    same(&bob.unreads(None).await?.unreads.len(), &1)?;

    alice
        .overrides(room, vec![hide_channel(alice.scope())])
        .await?;
    alice.send("#room", "secret").await?;
    same(&bob.unreads(None).await?.unreads, &Vec::new())?;
    // He may go on moving it: that says nothing of the channel.
    let blind = bob.reads_to(room, 1).await?;
    same(&blind.version, &1)?;

    alice.overrides(room, Vec::new()).await?;
    let back = bob.unread("#room").await?.context("it is kept")?;
    same(&(back.cursor.seq, back.unread), &(1, 1))
}

async fn a_write_says_nothing_of_what_one_does_not_see(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let [mallory] = harness.members().await?;
    let hers = alice.channel("#general").await?;
    alice.send("#general", "hers").await?;
    let nowhere = Id::new(77).context("an id")?;
    for mut way in mallory.ways().await? {
        for channel in [hers, nowhere] {
            let cursor = way.call(0, &ack_unread(channel, 1)).await?;
            same(&(cursor.channel_id, cursor.seq), &(channel, 1))?;
        }
        let all = way.call(0, &get_unreads(None)).await?;
        same(&all.unreads, &Vec::new())?;
        // Another scope than one's own account has no cursors.
        let elsewhere = way.call(mallory.scope(), &ack_unread(hers, 1)).await;
        refused(elsewhere, Reason::Malformed)?;
    }
    Ok(())
}

#[tokio::test]
async fn reading_is_limited() -> Result<()> {
    let settings = Settings {
        limits: vec![("CONFAB_LIMIT_REGISTER", "30/60s+5")],
        ..Settings::default()
    };
    scenario_on(settings, async |harness| {
        let [alice] = harness.members().await?;
        let general = alice.channel("#general").await?;
        for mut way in alice.ways().await? {
            let mut limited = false;
            for seq in 1..20 {
                limited |= refused(
                    way.call(0, &mark_unread(general, seq, 0)).await,
                    Reason::RateLimited,
                )
                .is_ok();
            }
            holds(limited, "the twentieth is too many")?;
        }
        // Other changes have a bucket of their own.
        alice.send("#general", "not limited").await.map(drop)
    })
    .await
}

async fn what_is_newer_is_fetched_after_a_gap(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    alice.creates_server("Alone").await?;
    let general = alice.channel("#general").await?;
    let plans = alice.creates_channel("#plans", Vec::new()).await?;
    let version = alice.reads_to(general, 3).await?.version;
    same(&alice.unreads(Some(version)).await?.unreads, &Vec::new())?;
    let tablet = harness.second_session(&alice).await?;
    same(&registers(&tablet.client)?, &version)?;
    tablet.reads_to(plans, 7).await?;
    // On another gateway, which says with the first frame that something is newer.
    let position = alice.client.log().end();
    alice.client.resume_on(None).await?;
    let resumed = |seen: &Seen| matches!(seen, Seen::Opened { resumed: true, .. }).then_some(());
    let opened = alice.client.log().wait(position, PATIENCE, resumed).await;
    opened.context("the session is not resumed")?;
    same(&registers(&alice.client)?, &(version + 1))?;
    let newer = alice.unreads(Some(version)).await?;
    let [found] = newer.unreads.as_slice() else {
        anyhow::bail!("only #plans was moved since: {newer:?}");
    };
    same(&(found.cursor.channel_id, found.cursor.seq), &(plans, 7))?;
    same(&newer.version, &found.cursor.version)
}

#[tokio::test]
async fn a_worker_that_dies_with_a_write_in_hand_loses_none_that_was_answered() -> Result<()> {
    scenario_on(Settings::default(), async |harness| {
        let [alice] = harness.members().await?;
        let general = alice.channel("#general").await?;
        for round in 1..=3_u64 {
            let base = round * 10;
            alice.reads_to(general, base).await?;
            // They wait for their window when the workers die, and are repeated.
            let requests: Vec<AckUnread> = (base + 1..base + 5)
                .map(|seq| ack_unread(general, seq))
                .collect();
            let asking = try_join_all(requests.iter().map(|ack| alice.client.call(0, ack)));
            let killing = async {
                for worker in &harness.cluster.workers {
                    worker.restart()?;
                }
                anyhow::Ok(())
            };
            let (answered, killed) = tokio::join!(asking, killing);
            killed?;
            let highest = answered?.iter().map(|cursor| cursor.seq).max();
            same(&highest, &Some(base + 4))?;
            let stored = alice.unread("#general").await?.context("a cursor")?;
            same(&stored.cursor.seq, &(base + 4))?;
        }
        Ok(())
    })
    .await
}

/// A device of somebody, and what it keeps of the cursors.
struct Device {
    person: Person,
    cursors: Mutex<BTreeMap<ChannelId, ReadCursor>>,
}

impl Device {
    fn hears(&self, cursor: ReadCursor) {
        if cursor.version == 0 {
            return; // what reading nothing is answered with: no cursor is kept
        }
        let mut cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        let known = cursors.entry(cursor.channel_id).or_insert(cursor.clone());
        if known.version < cursor.version {
            *known = cursor;
        }
    }

    /// The version of a cursor as the device knows it.
    fn knows(&self, channel: ChannelId) -> u64 {
        let cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        cursors.get(&channel).map_or(0, |cursor| cursor.version)
    }

    /// What it knows once it heard all events, and fetched what is newer where it missed some.
    async fn catches_up(&self) -> Result<BTreeMap<ChannelId, ReadCursor>> {
        // Answers may overtake events of others, events do not overtake each other.
        let mut heard = None;
        for seen in self.person.client.log().since(0) {
            if let Some(UnreadMoved { cursor }) = seen.event() {
                heard = heard.max(Some(cursor.version));
                self.hears(cursor);
            }
        }
        let cursors = || self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        // The largest that it heard may stand behind one that it missed: so all that moved since
        // the session was opened, of which it knows nothing yet.
        let missed = self.person.client.was_lost().then_some(0).or(heard);
        for unread in self.person.unreads(missed).await?.unreads {
            self.hears(unread.cursor);
        }
        Ok(cursors().clone())
    }
}

/// Does one thing at random; what is refused is refused because another device was first.
async fn act(
    device: &Device,
    channel: ChannelId,
    deleted: &Mutex<BTreeSet<(ChannelId, u64)>>,
    mut random: Random,
) -> Result<()> {
    let history = device.person.history(channel).await?;
    let last = history.last().map_or(0, |message| message.seq);
    match random.below(10) {
        0..4 => {
            let send = send_message(channel, "something");
            device.person.call(&send).await?;
        }
        4 => {
            if let Some(message) = random.pick(&history) {
                // Two devices may delete it at once.
                let gone = device.person.deletes(channel, message.message_id).await;
                if gone.is_ok() {
                    let mut deleted = deleted.lock().unwrap_or_else(PoisonError::into_inner);
                    deleted.insert((channel, message.seq));
                }
            }
        }
        5..8 => {
            let cursor = device
                .person
                .reads_to(channel, random.below(last + 1))
                .await?;
            device.hears(cursor);
        }
        8 => {
            let mark = mark_unread(channel, random.below(last + 1), device.knows(channel));
            match device.person.client.call(0, &mark).await {
                Ok(cursor) => device.hears(cursor),
                other => refused(other, Reason::Moved)?,
            }
        }
        _ => device.person.client.resume_on(None).await?,
    }
    Ok(())
}

async fn three_devices_end_where_a_recount_ends(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    let server = alice.creates_server("Alone").await?;
    let channels = [
        alice.channel("#general").await?,
        alice.creates_channel("#plans", Vec::new()).await?,
    ];
    let others = [
        harness.second_session(&alice).await?,
        harness.second_session(&alice).await?,
    ];
    let devices: Vec<Device> = std::iter::once(alice)
        .chain(others)
        .map(|person| {
            person.settles(server);
            let cursors = Mutex::default();
            Device { person, cursors }
        })
        .collect();
    let deleted = Mutex::default();
    let seed = seed();
    let mut random = Random::new(seed);
    for _ in 0..12 {
        let acts = devices.iter().map(|device| {
            let own = Random::new(random.next());
            let channel = *random.pick(&channels).unwrap_or(&channels[0]);
            act(device, channel, &deleted, own)
        });
        try_join_all(acts)
            .await
            .with_context(|| format!("seed {seed}"))?;
    }
    let [first, ..] = devices.as_slice() else {
        anyhow::bail!("nobody is there");
    };
    let fetched = first.person.unreads(None).await?;
    let stored: BTreeMap<ChannelId, ReadCursor> = fetched
        .unreads
        .iter()
        .map(|unread| (unread.cursor.channel_id, unread.cursor.clone()))
        .collect();
    for device in &devices {
        let known = device.catches_up().await?;
        same(&known, &stored).with_context(|| format!("seed {seed}"))?;
    }
    let deleted = deleted.into_inner().unwrap_or_else(PoisonError::into_inner);
    for Unread { cursor, unread, .. } in fetched.unreads {
        let behind = |seq: u64| seq > cursor.seq;
        let history = first.person.history(cursor.channel_id).await?;
        let there = history.iter().filter(|message| behind(message.seq)).count();
        let gone = deleted
            .iter()
            .filter(|(channel, seq)| *channel == cursor.channel_id && behind(*seq));
        same(&unread, &((there + gone.count()) as u64)).with_context(|| format!("seed {seed}"))?;
    }
    harness.cluster.operate(&["admin", "verify-unread"]).await
}
