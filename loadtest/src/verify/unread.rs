//! What is unread, counted again from scratch: P18.
//!
//! One account reads on three devices over two gateways, in any order and against each
//! other, while others talk, delete, come and go, and workers are killed. At the end of each
//! round nobody asks any more, and then there is one truth: what was answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use futures_util::future::{join, join_all};
use shared::{
    error::Reason,
    ids::{ChannelId, MessageId, UserId},
    protocol::unread::{CountUnreads, GetUnreads, ReadCursor, Unread, UnreadMoved, Unreads},
};
use tokio::time::{Instant, sleep};

use super::{
    schedule::{Fault, Who},
    trial::{BACK, Trial, until},
};
use crate::{
    checker::Kind,
    client::{CallError, Client, Options, backoff::undecided, log::Seen},
    fixture::Fixture,
    random::Random,
    requests::{
        ack_unread, create_channel, create_invite, delete_message, get_unreads, leave_server,
        mark_unread, redeem_invite, send_message,
    },
};

/// Channels besides the first one.
const CHANNELS: usize = 3;
/// Devices of the account that is counted: members 1, 4 and 7 are the same one of three, on
/// the second gateway, the first, and the second.
const DEVICES: [usize; 3] = [1, 4, 7];
/// What each does in a round.
const STEPS: u64 = 12;
/// A page of cursors, so small that there are several.
const PAGE: u32 = 2;

/// One wish to move a cursor, and what it was answered.
#[derive(Debug)]
struct Asked {
    channel: ChannelId,
    seq: u64,
    /// None where nobody knows whether it took effect.
    answer: Option<ReadCursor>,
}

/// A device of the account: what it was told.
#[derive(Debug)]
struct Device {
    client: Client,
    /// Its picture of the cursors, by channel.
    cursors: BTreeMap<ChannelId, ReadCursor>,
    /// The register version that the picture has.
    version: u64,
    /// How much of its log is in the picture.
    read: u64,
}

/// The server, who talks there, and all that is known of the one who is counted.
#[derive(Debug)]
struct Room {
    fixture: Fixture,
    channels: Vec<ChannelId>,
    talkers: [Client; 2],
    code: String,
    devices: Vec<Device>,
    asked: Vec<Asked>,
}

/// P18.
pub(super) async fn recounted(trial: &mut Trial<'_>) -> Result<()> {
    let mut room = Room::open(trial).await?;
    let mut random = Random::new(trial.terms.seed ^ 3);
    let end = Instant::now() + trial.terms.length;
    for round in 0_usize.. {
        let killing = kill(trial, round, random.below(600));
        let playing = room.play(Random::new(random.next()));
        let (played, killed) = join(playing, killing).await;
        killed?;
        room.asked.extend(played?);
        room.settle(trial).await?;
        if Instant::now() > end {
            trial.measured(format!("{} rounds, counted again after each", round + 1));
            break;
        }
    }
    let outcome = &mut trial.outcome;
    outcome.counts.sent += room.asked.len();
    let answered = room.asked.iter().filter(|asked| asked.answer.is_some());
    outcome.counts.acknowledged += answered.count();
    Ok(())
}

/// In each round a worker dies, in turn.
async fn kill(trial: &mut Trial<'_>, round: usize, after_ms: u64) -> Result<()> {
    sleep(Duration::from_millis(after_ms)).await;
    trial.inflict(Fault::Kill(Who::Worker(round % 2))).await
}

impl Room {
    async fn open(trial: &Trial<'_>) -> Result<Self> {
        let fixture = trial.fixture(3).await?;
        let scope = fixture.server.get();
        let owner = fixture.enter(0, Options::default()).await?;
        let other = fixture.enter(2, Options::default()).await?;
        let mut channels = vec![fixture.channel];
        for _ in 0..CHANNELS {
            let create = create_channel("room", Vec::new());
            channels.push(owner.call(scope, &create).await?.channel.channel_id);
        }
        let code = owner.call(scope, &create_invite()).await?.code;
        let mut devices = Vec::new();
        for number in DEVICES {
            devices.push(Device {
                client: fixture.enter(number, Options::default()).await?,
                cursors: BTreeMap::new(),
                version: 0,
                read: 0,
            });
        }
        Ok(Self {
            fixture,
            channels,
            talkers: [owner, other],
            code,
            devices,
            asked: Vec::new(),
        })
    }

    /// All of them at once; what was asked of cursors.
    async fn play(&self, mut random: Random) -> Result<Vec<Asked>> {
        let talking = self.talkers.iter().enumerate();
        let talking = join_all(talking.map(|(number, talker)| {
            let random = Random::new(random.next());
            self.talk(talker, number > 0, random)
        }));
        let reading = self.devices.iter().enumerate();
        let reading = join_all(reading.map(|(number, device)| {
            let random = Random::new(random.next());
            self.read(device, number == 0, random)
        }));
        let (talked, read) = join(talking, reading).await;
        talked.into_iter().collect::<Result<Vec<()>>>()?;
        let read: Vec<Vec<Asked>> = read.into_iter().collect::<Result<_>>()?;
        Ok(read.into_iter().flatten().collect())
    }

    /// Writes, names the one who is counted, deletes; some come and go.
    async fn talk(&self, client: &Client, goes: bool, mut random: Random) -> Result<()> {
        let scope = self.fixture.server.get();
        let named = self.named()?;
        let mut said: Vec<(ChannelId, MessageId)> = Vec::new();
        for _ in 0..STEPS {
            let channel = *random.pick(&self.channels).context("a channel")?;
            match random.below(8) {
                0 if goes => self.come_back(client).await?,
                1 if !said.is_empty() => {
                    let (channel, message) = *random.pick(&said).context("a message")?;
                    let delete = delete_message(channel, message);
                    decided(client.call(scope, &delete).await)?;
                }
                kind => {
                    let text = if kind % 2 == 0 {
                        format!("something for <@{named}>")
                    } else {
                        "something".to_owned()
                    };
                    let sent = client.call(scope, &send_message(channel, text)).await;
                    said.extend(decided(sent)?.map(|sent| (channel, sent.message_id)));
                }
            }
        }
        Ok(())
    }

    /// Moves cursors forth and back, by what this device knows of them.
    async fn read(&self, device: &Device, goes: bool, mut random: Random) -> Result<Vec<Asked>> {
        let mut known = device.cursors.clone();
        let mut asked = Vec::new();
        for _ in 0..STEPS {
            if goes && random.below(10) == 0 {
                self.come_back(&device.client).await?;
            }
            let channel = *random.pick(&self.channels).context("a channel")?;
            let seq = random.below(STEPS * 2);
            let answer = if random.below(3) == 0 {
                let seen = known.get(&channel).map_or(0, |cursor| cursor.version);
                let mark = mark_unread(channel, seq, seen);
                device.client.call(0, &mark).await
            } else {
                let ack = ack_unread(channel, seq);
                device.client.call(0, &ack).await
            };
            // A repeat of a mark that took effect is refused as moved, too.
            let answer = decided(answer)?;
            if let Some(cursor) = &answer {
                known.insert(channel, cursor.clone());
            }
            asked.push(Asked {
                channel,
                seq,
                answer,
            });
        }
        Ok(asked)
    }

    /// Leaves the server, and joins again.
    async fn come_back(&self, client: &Client) -> Result<()> {
        let scope = self.fixture.server.get();
        decided(client.call(scope, &leave_server()).await)?;
        let deadline = Instant::now() + BACK;
        while Instant::now() < deadline {
            let joined = client.call(0, &redeem_invite(&self.code)).await;
            let twice = joined.as_ref().err().and_then(CallError::refusal);
            if twice.is_some_and(|refusal| refusal.reason == Reason::AlreadyMember) {
                return Ok(());
            }
            if decided(joined)?.is_some() {
                return Ok(());
            }
        }
        bail!("nobody gets in again")
    }

    /// Nobody asks any more: what every device is told, what it may fetch, what was answered,
    /// and what there is, are the same.
    async fn settle(&mut self, trial: &mut Trial<'_>) -> Result<()> {
        let truth = self.truth(trial);
        let counted = self.count(trial).await?;
        let calls = self.calls(trial).await?;
        for (number, device) in self.devices.iter_mut().enumerate() {
            let fetched = fetch(&device.client, None).await?;
            device.hear(&fetched, number).await?;
            let shown: BTreeMap<ChannelId, ReadCursor> = fetched
                .unreads
                .iter()
                .map(|unread| (unread.cursor.channel_id, unread.cursor.clone()))
                .collect();
            trial.demand(device.cursors == shown, || {
                let told = &device.cursors;
                format!("device {number} has another picture: {told:?}, and is shown {shown:?}")
            });
            for unread in &fetched.unreads {
                recount(trial, number, unread, &counted);
            }
            truth.hold(trial, number, &shown);
            let read = |channel| shown.get(channel).map_or(0, |cursor| cursor.seq);
            let called = calls.iter().filter(|(channel, seq)| *seq > read(channel));
            let due = summary(&fetched.unreads, called.count());
            let count = CountUnreads {
                after: None,
                limit: None,
            };
            let count = device.client.call(0, &count).await?.servers;
            let count = count
                .first()
                .map(|it| (it.channels, it.messages, it.mentions));
            if count.unwrap_or_default() != due {
                let text =
                    format!("device {number}: {count:?} are counted where there are {due:?}");
                trial.outcome.fault(Kind::Wrong, text);
            }
        }
        let verified = trial.cluster.administer(&["verify-unread"], "").await;
        if let Err(error) = verified {
            let text = format!("worker admin verify-unread: {error:#}");
            trial.outcome.fault(Kind::Wrong, text);
        }
        Ok(())
    }

    /// What was answered, by channel: the newest answer, and all that may have come after it.
    fn truth(&self, trial: &mut Trial<'_>) -> Truth {
        let mut truth = Truth::default();
        for asked in &self.asked {
            let Some(cursor) = &asked.answer else {
                truth.perhaps.insert((asked.channel, asked.seq));
                continue;
            };
            let known = truth
                .answered
                .entry(asked.channel)
                .or_insert(cursor.clone());
            if known.version == cursor.version && known.seq != cursor.seq {
                let text = format!(
                    "version {} of a cursor was answered as {} and {}",
                    cursor.version, known.seq, cursor.seq
                );
                trial.outcome.fault(Kind::Wrong, text);
            }
            if known.version < cursor.version {
                *known = cursor.clone();
            }
        }
        truth
    }

    /// The places of all messages whose text names the account, and that are there, since it
    /// joined the server last.
    async fn calls(&self, trial: &Trial<'_>) -> Result<Vec<(ChannelId, u64)>> {
        let named = self.named()?;
        let account = named.get().cast_signed();
        let server = self.fixture.server.get().cast_signed();
        let rows = trial.cluster.sql(async |client| {
            let joined = "SELECT joined_at FROM members WHERE server = $1 AND account = $2";
            let said = "SELECT m.channel, m.seq, m.id FROM messages m
                        JOIN channels c ON c.id = m.channel
                        WHERE c.server = $1 AND position($2 IN m.content) > 0";
            let name = format!("<@{named}>");
            let joined = client.query_one(joined, &[&server, &account]).await?;
            Ok((joined, client.query(said, &[&server, &name]).await?))
        });
        let (joined, rows) = rows.await.context("counting mentions")?;
        let joined: Option<i64> = joined.try_get(0)?;
        let joined = joined.unwrap_or_default().cast_unsigned();
        let mut calls = Vec::new();
        for row in rows {
            let number = |column| row.try_get::<_, i64>(column).map(i64::cast_unsigned);
            let (channel, seq, id) = (number(0)?, number(1)?, number(2)?);
            let id = MessageId::new(id).context("a message")?;
            if id.created_ms() >= joined {
                calls.push((ChannelId::new(channel).context("a channel")?, seq));
            }
        }
        Ok(calls)
    }

    /// The account that is counted.
    fn named(&self) -> Result<UserId> {
        let device = self.devices.first().context("a device")?;
        Ok(device.client.ready().context("a session")?.user.user_id)
    }

    /// The places of all messages there were, by channel, deleted ones as well: a place is
    /// never given twice.
    async fn count(&self, trial: &Trial<'_>) -> Result<BTreeMap<ChannelId, BTreeSet<u64>>> {
        let mut counted = BTreeMap::new();
        for channel in &self.channels {
            let id = channel.get().cast_signed();
            let rows = trial.cluster.sql(async |client| {
                let places = "SELECT seq FROM messages WHERE channel = $1";
                client.query(places, &[&id]).await
            });
            let mut places = BTreeSet::new();
            for row in rows.await.context("counting messages")? {
                places.insert(row.try_get::<_, i64>(0)?.cast_unsigned());
            }
            counted.insert(*channel, places);
        }
        Ok(counted)
    }
}

/// Channels with something unread, the messages there, and how many of them name the account.
fn summary(unreads: &[Unread], called: usize) -> (u32, u64, u32) {
    let some = unreads.iter().filter(|unread| unread.unread > 0);
    let messages = some.clone().map(|unread| unread.unread).sum();
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    (count(some.count()), messages, count(called))
}

/// What the account was told of its cursors.
#[derive(Debug, Default)]
struct Truth {
    answered: BTreeMap<ChannelId, ReadCursor>,
    /// Wishes that nobody knows the fate of.
    perhaps: BTreeSet<(ChannelId, u64)>,
}

impl Truth {
    /// Holds what is shown against what was answered.
    fn hold(&self, trial: &mut Trial<'_>, number: usize, shown: &BTreeMap<ChannelId, ReadCursor>) {
        for (channel, answered) in &self.answered {
            let text = match shown.get(channel) {
                None => {
                    format!("device {number}: a cursor is gone that was answered as {answered:?}")
                }
                Some(cursor) if cursor.version < answered.version => {
                    format!("device {number}: {cursor:?} is behind what was answered: {answered:?}")
                }
                Some(cursor) if cursor.version == answered.version && cursor != answered => {
                    format!("device {number}: {cursor:?} is not what was answered: {answered:?}")
                }
                Some(cursor)
                    if cursor.version > answered.version
                        && !self.perhaps.contains(&(*channel, cursor.seq)) =>
                {
                    format!(
                        "device {number}: nobody asked for {cursor:?}, answered was {answered:?}"
                    )
                }
                Some(_) => continue,
            };
            trial.outcome.fault(Kind::Lost, text);
        }
    }
}

impl Device {
    /// Takes over what the device was told since the last time, and fetches what it was told
    /// that it missed: as a client does.
    async fn hear(&mut self, now: &Unreads, number: usize) -> Result<()> {
        let told = format!(
            "device {number} is told of register version {}",
            now.version
        );
        until(&told, BACK, async || Ok(self.learn() >= now.version)).await?;
        let missed = fetch(&self.client, Some(self.version)).await?;
        for unread in missed.unreads {
            self.take(&unread.cursor);
        }
        self.version = now.version;
        Ok(())
    }

    /// The highest register version that the device heard of.
    fn learn(&mut self) -> u64 {
        let seen = self.client.log().since(self.read);
        self.read += seen.len() as u64;
        let mut highest = self.version;
        for seen in seen {
            if let Seen::Registers(registers) = &seen {
                highest = highest.max(registers.version);
            } else if let Some(UnreadMoved { cursor }) = seen.event() {
                highest = highest.max(cursor.version);
                self.take(&cursor);
            }
        }
        let opened = self.client.ready().map_or(0, |ready| ready.registers);
        highest.max(opened)
    }

    fn take(&mut self, cursor: &ReadCursor) {
        let known = self.cursors.entry(cursor.channel_id);
        let known = known.or_insert_with(|| cursor.clone());
        if known.version < cursor.version {
            *known = cursor.clone();
        }
    }
}

/// All pages of what is unread.
async fn fetch(client: &Client, newer_than: Option<u64>) -> Result<Unreads> {
    let mut all: Option<Unreads> = None;
    loop {
        let after = all.as_ref().and_then(|all| all.next);
        let page = GetUnreads {
            after,
            limit: Some(PAGE),
            ..get_unreads(newer_than)
        };
        let page = client
            .call(0, &page)
            .await
            .context("asking what is unread")?;
        let next = page.next;
        match &mut all {
            // The version of the first page counts.
            Some(all) => {
                all.unreads.extend(page.unreads);
                all.next = next;
            }
            None => all = Some(page),
        }
        if next.is_none() {
            return all.context("a page");
        }
    }
}

/// What came of a request; none where nobody knows, or it was refused as others had been
/// before.
fn decided<T>(result: Result<T, CallError>) -> Result<Option<T>> {
    match result {
        Ok(reply) => Ok(Some(reply)),
        Err(CallError::TimedOut | CallError::Disconnected) => Ok(None),
        Err(CallError::Refused(refusal))
            if undecided(refusal.reason)
                || matches!(
                    refusal.reason,
                    // Somebody else was before him, or he himself, in an attempt that nobody
                    // answered; or he has just left on another device.
                    Reason::Moved | Reason::UnknownMessage | Reason::UnknownServer
                ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error).context("what must not be refused"),
    }
}

/// Counts again what is behind a cursor.
fn recount(
    trial: &mut Trial<'_>,
    number: usize,
    shown: &Unread,
    counted: &BTreeMap<ChannelId, BTreeSet<u64>>,
) {
    let channel = shown.cursor.channel_id;
    let Some(places) = counted.get(&channel) else {
        let text = format!("device {number}: {channel} is none of the channels");
        return trial.outcome.fault(Kind::Wrong, text);
    };
    let unread = places.range(shown.cursor.seq + 1..).count();
    let last = places.last().copied().unwrap_or_default();
    if (shown.unread, shown.last_seq) != (unread as u64, last) {
        let text = format!(
            "device {number}: {} unread up to {} where there are {unread} up to {last}",
            shown.unread, shown.last_seq
        );
        trial.outcome.fault(Kind::Wrong, text);
    }
}
