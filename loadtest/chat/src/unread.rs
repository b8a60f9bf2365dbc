//! What the account has not read, on this device and its others.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use loadtest::{client::Client, requests::get_unreads};
use shared::{
    ids::{ChannelId, ServerId},
    protocol::unread::{AckUnread, ReadCursor},
};
use tokio::time::Instant;

/// How long what was shown may wait to be marked as read: one mark serves a burst.
const ACK_AFTER: Duration = Duration::from_secs(1);

/// How far a channel is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel {
    pub(crate) server: ServerId,
    /// The number of the last message read.
    read: u64,
    /// The number of the last message.
    last: u64,
    /// Messages that came since.
    pub(crate) unread: u64,
}

/// How far each channel is read that was ever read.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    channels: BTreeMap<ChannelId, Channel>,
    version: u64,
    /// What was shown and is not marked yet, and when that is due.
    shown: Option<(ChannelId, u64, Instant)>,
}

impl Unread {
    /// Asks the cluster what changed since the last time.
    pub(crate) async fn refresh(&mut self, client: &Client) -> Result<()> {
        let newer_than = Some(self.version).filter(|version| *version > 0);
        let mut request = get_unreads(newer_than);
        let mut version = None;
        loop {
            let page = client.call(0, &request).await?;
            for unread in page.unreads {
                let channel = Channel {
                    server: unread.server_id,
                    read: unread.cursor.seq,
                    last: unread.last_seq,
                    unread: unread.unread,
                };
                self.channels.insert(unread.cursor.channel_id, channel);
            }
            // What was moved since the first page is newer than that.
            self.version = *version.get_or_insert(page.version);
            request.after = page.next;
            if page.next.is_none() {
                return Ok(());
            }
        }
    }

    /// Whether cursors were moved up to `version`, and this does not know all of them.
    pub(crate) const fn is_behind(&self, version: u64) -> bool {
        self.version < version
    }

    /// A cursor was moved, maybe on another device.
    pub(crate) fn move_cursor(&mut self, cursor: &ReadCursor) {
        if let Some(channel) = self.channels.get_mut(&cursor.channel_id) {
            channel.read = cursor.seq;
            channel.unread = channel.last.saturating_sub(cursor.seq);
        }
    }

    /// A message came into a channel that is not open. Says whether it is the first unread one.
    pub(crate) fn count(&mut self, server: ServerId, channel: ChannelId, seq: u64) -> bool {
        let channel = self.channels.entry(channel).or_insert(Channel {
            server,
            read: seq.saturating_sub(1),
            last: seq.saturating_sub(1),
            unread: 0,
        });
        channel.last = channel.last.max(seq);
        channel.unread += 1;
        channel.unread == 1
    }

    /// Where reading goes on in a channel: its messages above this number are new. `None`
    /// where nothing is.
    pub(crate) fn first_new(&self, channel: ChannelId) -> Option<u64> {
        let channel = self.channels.get(&channel)?;
        (channel.unread > 0).then_some(channel.read)
    }

    /// Channels with unread messages.
    pub(crate) fn list(&self) -> impl Iterator<Item = (ChannelId, Channel)> {
        let channels = self.channels.iter();
        channels
            .filter(|(_, channel)| channel.unread > 0)
            .map(|(id, channel)| (*id, *channel))
    }

    /// The messages of a channel were shown up to `seq`.
    pub(crate) fn show(&mut self, server: ServerId, channel: ChannelId, seq: u64) {
        let known = self.channels.entry(channel).or_insert(Channel {
            server,
            read: 0,
            last: seq,
            unread: 0,
        });
        known.last = known.last.max(seq);
        known.unread = 0;
        if known.read < seq {
            known.read = seq;
            let due = self
                .shown
                .map_or_else(|| Instant::now() + ACK_AFTER, |(.., due)| due);
            self.shown = Some((channel, seq, due));
        }
    }

    /// When something is to be marked as read.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.shown.map(|(.., due)| due)
    }

    /// Marks as read what was shown.
    pub(crate) async fn ack(&mut self, client: &Client) -> Result<()> {
        if let Some((channel_id, seq, _)) = self.shown.take() {
            client.call(0, &AckUnread { channel_id, seq }).await?;
        }
        Ok(())
    }
}
