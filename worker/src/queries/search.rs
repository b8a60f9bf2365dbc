//! Search: looks backwards from the newest message, for a time, and says how far it came.
//!
//! It goes from one stretch of time to the one before. Of each stretch it first asks which
//! blocks of messages may hold what is looked for, which their signatures say, and then reads
//! these, what has no signature yet, and what changed since the signature was made. Whether a message fits is decided by what it says alone; pins and
//! mentions have tables of their own.
//! Rights, blocks and messages are read in one snapshot. As that is some time ago when it has
//! looked, rights are asked once more of what it found.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use shared::{
    domain::{permissions::Permissions, search::SearchFilter},
    error::Reason,
    ids::{ChannelId, MessageId, ServerId, UserId, first_raw},
    protocol::{
        Handler,
        message::Message,
        search::{FoundMessage, FoundMessages, SearchMessages},
    },
};

use super::{context::QueryContext, page_limit, permitted::list_permitted};
use crate::{
    access::AccessFacts as _,
    error::{Error, StoreError},
    signature::{PROBES, probes},
    store::read::{
        self, Membership, Snapshot,
        message::{PAGE_BYTES, fitting},
        search::{SearchedChannel, Stretch},
    },
};

/// How long an answer looks; the statement under way then is the last one.
const BUDGET: Duration = Duration::from_millis(250);
/// Messages of an answer whose size the client does not name.
const DEFAULT_PAGE: u32 = 25;
/// Messages that one statement reads.
const READ: usize = 2_048;
/// Stretches that one statement reads, and all that end with the last of them.
const STRETCHES: usize = 32;
/// The first stretch of time: six hours, in milliseconds.
const FIRST_WINDOW_MS: u64 = 6 * 3_600_000;
/// What a message can be found with.
const NEEDED: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::READ_HISTORY);
/// A stretch that took less than this makes the next one four times as long.
const QUICK: Duration = Duration::from_millis(20);

impl Handler<QueryContext> for SearchMessages {
    async fn handle(self, ctx: &mut QueryContext) -> Result<FoundMessages, Error> {
        let user = ctx.caller()?.user;
        let scope = ctx.scope();
        let asker = (user, scope);
        let mut answer = search(ctx.snapshot().await?, asker, self, BUDGET).await?;
        if !answer.messages.is_empty() {
            ctx.release().await;
            drop_unreadable(ctx.snapshot().await?, asker, &mut answer.messages).await?;
        }
        Ok(answer)
    }
}

/// Drops what the asker may not read any more, by the rights of this snapshot.
pub(super) async fn drop_unreadable(
    snapshot: &mut Snapshot,
    (user, scope): (UserId, u64),
    messages: &mut Vec<FoundMessage>,
) -> Result<(), Error> {
    let memberships = find_memberships(snapshot, user, scope).await?;
    let mut channels: Vec<ChannelId> = messages.iter().map(|it| it.channel_id).collect();
    channels.sort_unstable();
    channels.dedup();
    let readable = list_permitted(snapshot, &memberships, &channels, NEEDED).await?;
    messages.retain(|it| readable.contains_key(&it.channel_id));
    Ok(())
}

/// Answers somebody's search in a scope, for so long; a step at least, so that who asks on gets on.
pub(super) async fn search(
    snapshot: &mut Snapshot,
    (user, scope): (UserId, u64),
    request: SearchMessages,
    budget: Duration,
) -> Result<FoundMessages, Error> {
    let began = Instant::now();
    let limit = page_limit(request.limit, DEFAULT_PAGE)? as usize;
    let filter = SearchFilter::parse(&request.query)?
        .and(request.filter.unwrap_or_default())
        .checked()?;
    let memberships = find_memberships(snapshot, user, scope).await?;
    let channels = list_readable(snapshot, &memberships, &filter.channels).await?;
    let servers: BTreeMap<ChannelId, ServerId> =
        channels.iter().map(|it| (it.channel, it.server)).collect();
    let mut scan = Scan::new(channels, filter, request.before);
    while !scan.is_done(limit) && (scan.high == scan.top || began.elapsed() < budget) {
        scan.step(snapshot, limit, began + budget).await?;
    }
    let mut answer = scan.answer(limit, &servers);
    complete(snapshot, user, &mut answer.messages).await?;
    Ok(answer)
}

/// These messages, of channels with their servers, as far as they are there: newest first.
pub(super) async fn find_messages(
    snapshot: &mut Snapshot,
    reader: UserId,
    places: &[(ChannelId, MessageId)],
    servers: &BTreeMap<ChannelId, ServerId>,
) -> Result<Vec<FoundMessage>, StoreError> {
    let stretches = places.iter().map(|(channel, message)| Stretch {
        channel: *channel,
        low: message.get(),
        high: message.get() + 1,
    });
    let stretches: Vec<Stretch> = stretches.collect();
    let rows = read::search::list_found(snapshot, &stretches, &[], places.len()).await?;
    let found = rows.into_iter().filter_map(|(channel_id, message)| {
        Some(FoundMessage {
            server_id: *servers.get(&channel_id)?,
            channel_id,
            message,
        })
    });
    let mut found: Vec<FoundMessage> = found.collect();
    complete(snapshot, reader, &mut found).await?;
    Ok(found)
}

/// Adds to messages what is not asked of all that are read: pins and reactions.
async fn complete(
    snapshot: &mut Snapshot,
    reader: UserId,
    messages: &mut [FoundMessage],
) -> Result<(), StoreError> {
    if messages.is_empty() {
        return Ok(());
    }
    let places = messages
        .iter()
        .map(|it| (it.channel_id, it.message.message_id));
    let places: Vec<_> = places.collect();
    let pinned = read::search::find_pinned(snapshot, &places).await?;
    let mut by_channel: BTreeMap<ChannelId, Vec<&mut Message>> = BTreeMap::new();
    for FoundMessage {
        channel_id,
        message,
        ..
    } in messages
    {
        message.pinned = pinned.contains(&message.message_id);
        by_channel.entry(*channel_id).or_default().push(message);
    }
    for (channel, messages) in by_channel {
        read::reaction::add_reactions(snapshot, (channel, reader), messages).await?;
    }
    Ok(())
}

/// The memberships that a scope means: that of one server, or all.
async fn find_memberships(
    snapshot: &mut Snapshot,
    user: UserId,
    scope: u64,
) -> Result<Vec<Membership>, Error> {
    if scope == 0 {
        return Ok(read::server::list_memberships(snapshot, user).await?);
    }
    let server = ServerId::new(scope).ok_or(Reason::UnknownServer)?;
    let found = read::server::find_membership(snapshot, server, user).await?;
    Ok(vec![found.ok_or(Reason::UnknownServer)?])
}

/// The channels whose history a member of these servers may read; of `only` these, if any is named.
async fn list_readable(
    snapshot: &mut Snapshot,
    memberships: &[Membership],
    only: &[ChannelId],
) -> Result<Vec<SearchedChannel>, StoreError> {
    let servers: Vec<ServerId> = memberships.iter().map(|(it, _)| it.server_id).collect();
    let mut channels = read::search::list_channels(snapshot, &servers, only).await?;
    let ids: Vec<ChannelId> = channels.iter().map(|it| it.channel).collect();
    let readable = list_permitted(snapshot, memberships, &ids, NEEDED).await?;
    channels.retain(|it| readable.contains_key(&it.channel));
    Ok(channels)
}

/// How far a search has come.
struct Scan {
    channels: Vec<SearchedChannel>,
    filter: SearchFilter,
    probes: [i32; PROBES],
    /// All ids from here on were looked at.
    high: u64,
    /// Where it began.
    top: u64,
    /// No message is older, or none is wanted.
    bottom: u64,
    /// How long the next stretch is, in ids.
    width: u64,
    /// What was found, also below `high`, where it is not known to be all.
    found: BTreeMap<MessageId, (ChannelId, Message)>,
}

impl Scan {
    fn new(
        channels: Vec<SearchedChannel>,
        filter: SearchFilter,
        before: Option<MessageId>,
    ) -> Self {
        let last = channels.iter().map(|it| it.last + 1).max().unwrap_or(0);
        let wanted = filter.before.map_or(u64::MAX, first_raw);
        let high = before
            .map_or(u64::MAX, MessageId::get)
            .min(last)
            .min(wanted);
        // A channel is older than its messages.
        let oldest = channels.iter().map(|it| it.channel.get()).min();
        let wanted = filter.after.map_or(0, first_raw);
        Self {
            probes: probes(&filter),
            bottom: oldest.unwrap_or(u64::MAX).max(wanted),
            channels,
            filter,
            high,
            top: high,
            width: first_raw(shared::ids::EPOCH_MS + FIRST_WINDOW_MS),
            found: BTreeMap::new(),
        }
    }

    /// Whether enough was found, or nothing is left to be looked at.
    fn is_done(&self, limit: usize) -> bool {
        self.high <= self.bottom || self.count_sure() >= limit
    }

    /// How many were found of which none is missing.
    fn count_sure(&self) -> usize {
        let from = MessageId::new(self.high);
        from.map_or(self.found.len(), |from| self.found.range(from..).count())
    }

    /// Looks at the next stretch of time.
    async fn step(
        &mut self,
        snapshot: &mut Snapshot,
        limit: usize,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let (began, high) = (Instant::now(), self.high);
        let low = self.bottom.max(high.saturating_sub(self.width));
        let there = self.channels.iter().copied();
        let there: Vec<SearchedChannel> = there
            .filter(|it| it.channel.get() < high && it.last >= low)
            .collect();
        let (mut left, lowest) = self.list_stretches(snapshot, &there, (low, high)).await?;
        while !left.is_empty() && !self.is_done(limit) {
            self.read(snapshot, &mut left).await?;
            self.high = left.first().map_or(lowest, |newest| newest.high);
            if Instant::now() >= deadline && self.high < self.top {
                return Ok(());
            }
        }
        if left.is_empty() {
            self.high = lowest;
        }
        if lowest == low {
            let quick = began.elapsed() < QUICK;
            let width = self.width.saturating_mul(if quick { 4 } else { 1 });
            self.width = width.min(shared::ids::MAX_ID);
        }
        Ok(())
    }

    /// The messages of `low..high` that may fit, as stretches; the lowest id down to which these
    /// are all.
    async fn list_stretches(
        &self,
        snapshot: &mut Snapshot,
        channels: &[SearchedChannel],
        (low, high): (u64, u64),
    ) -> Result<(Vec<Stretch>, u64), StoreError> {
        let ids: Vec<ChannelId> = channels.iter().map(|it| it.channel).collect();
        if self.filter.pinned {
            return read::search::list_pins(snapshot, &ids, (low, high)).await;
        }
        if !self.filter.mentions.is_empty() {
            let targets = &self.filter.mentions;
            return read::search::list_mentions(snapshot, targets, &ids, (low, high)).await;
        }
        let indexed = channels.iter().filter(|it| it.indexed >= low);
        let indexed: Vec<ChannelId> = indexed.map(|it| it.channel).collect();
        let (mut stretches, lowest) = if indexed.is_empty() {
            (Vec::new(), low)
        } else {
            let (blocks, lowest) =
                read::search::list_blocks(snapshot, &indexed, (low, high), self.probes).await?;
            // A signature may be older than the text of a message that was edited.
            let (mut noted, lowest) =
                read::search::list_noted(snapshot, &indexed, (lowest, high)).await?;
            noted.extend(blocks.into_iter().filter(|it| it.high > lowest));
            for stretch in &mut noted {
                stretch.low = stretch.low.max(lowest);
            }
            (noted, lowest)
        };
        stretches.extend(channels.iter().filter_map(|it| {
            let stretch = Stretch {
                channel: it.channel,
                low: lowest.max(it.indexed + 1),
                high: high.min(it.last + 1),
            };
            (stretch.low < stretch.high).then_some(stretch)
        }));
        Ok((stretches, lowest))
    }

    /// Reads the newest of the stretches that are left, which begin with the newest.
    async fn read(
        &mut self,
        snapshot: &mut Snapshot,
        left: &mut Vec<Stretch>,
    ) -> Result<(), StoreError> {
        left.sort_unstable_by_key(|stretch| std::cmp::Reverse(stretch.high));
        let last = left
            .get(STRETCHES.min(left.len()) - 1)
            .map_or(0, |it| it.high);
        let count = left.partition_point(|stretch| stretch.high >= last);
        let batch: Vec<Stretch> = left.drain(..count).collect();
        let rows = read::search::list_found(snapshot, &batch, &self.filter.from, READ).await?;
        if rows.len() >= READ
            && let Some((_, oldest)) = rows.last()
        {
            // Below it there may be more.
            let high = oldest.message_id.get();
            let cut = |it: Stretch| Stretch {
                high: it.high.min(high),
                ..it
            };
            let rest = batch.into_iter().map(cut);
            left.extend(rest.filter(|stretch| stretch.low < stretch.high));
            left.sort_unstable_by_key(|stretch| std::cmp::Reverse(stretch.high));
        }
        let fitting = rows
            .into_iter()
            .filter(|(_, it)| self.filter.fits_message(&it.content, &it.mentions));
        let fitting = fitting.map(|(channel, it)| (it.message_id, (channel, it)));
        self.found.extend(fitting);
        Ok(())
    }

    /// The newest that were found, and where to go on.
    fn answer(self, limit: usize, servers: &BTreeMap<ChannelId, ServerId>) -> FoundMessages {
        let sure = |id: &MessageId| id.get() >= self.high;
        let newest = self.found.into_iter().rev().take_while(|(id, _)| sure(id));
        let mut messages: Vec<FoundMessage> = newest
            .filter_map(|(_, (channel_id, message))| {
                Some(FoundMessage {
                    server_id: *servers.get(&channel_id)?,
                    channel_id,
                    message,
                })
            })
            .collect();
        let sizes = messages.iter().map(|it| it.message.content.len());
        let kept = fitting(sizes, PAGE_BYTES).min(limit);
        let next = if kept < messages.len() {
            messages.truncate(kept);
            messages.last().map(|last| last.message.message_id)
        } else {
            MessageId::new(self.high).filter(|_| self.high > self.bottom)
        };
        FoundMessages { messages, next }
    }
}
