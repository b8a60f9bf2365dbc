//! The signatures of blocks of messages, and the notes of what changed in them.
//!
//! Who writes them has one advisory lock of the deployment, so a block is never written by two
//! that read it at different times. The blocks of a channel are indexed in their order: behind
//! the last one there is none.

use std::collections::BTreeMap;

use shared::{
    domain::content::fold,
    ids::{ChannelId, UserId},
};
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

use super::{LOCK_HOLDER_SETTINGS, statement};
use crate::{
    error::StoreError,
    signature::{BLOCK, Signature},
};

/// The lock: "cons" in ASCII, of which there is one.
const LOCK: i64 = 0x636f_6e73;
/// Blocks of a slice: a thousand messages, some ten milliseconds of one connection.
const SLICE: usize = 16;
/// Notes that are counted: it tells how far the index lags, and costs little.
const MAX_COUNTED: i64 = 10_000;

/// What a slice did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Slice {
    /// Notes that were taken.
    pub(crate) notes: usize,
    /// Blocks whose signatures were written.
    pub(crate) blocks: u64,
    /// How many notes are left, of `MAX_COUNTED`; none while another worker has the index.
    pub(crate) pending: i64,
}

/// A block: its channel, and the seq of its last message.
type Block = (ChannelId, u64);

/// A message of a block: the block, its id, and its author and text unless it was deleted.
type BlockRow = (ChannelId, u64, u64, Option<UserId>, String);

/// The columns of what is written.
#[derive(Debug, Default)]
struct Written {
    channels: Vec<ChannelId>,
    last_ids: Vec<u64>,
    first_ids: Vec<u64>,
    last_seqs: Vec<u64>,
    signatures: Vec<Vec<u8>>,
}

/// The index, on a connection of its own.
pub(crate) struct Index {
    connection: PgConnection,
    /// Whether this connection has the lock; it ends with it.
    locked: bool,
}

impl Index {
    pub(crate) async fn connect(options: &PgConnectOptions) -> Result<Self, StoreError> {
        let options = options.clone().options(LOCK_HOLDER_SETTINGS);
        let connection = options.application_name("confab-search").connect().await?;
        Ok(Self {
            connection,
            locked: false,
        })
    }

    /// Takes the next notes and writes the signatures that follow from them, all of it or
    /// nothing; does nothing while another worker has the index.
    pub(crate) async fn index_slice(&mut self) -> Result<Slice, StoreError> {
        if !self.locked {
            let sql = "SELECT pg_try_advisory_lock($1)";
            self.locked = statement::get(&mut self.connection, sql, &[&LOCK]).await?;
        }
        if !self.locked {
            return Ok(Slice::default());
        }
        let mut transaction = self.connection.begin().await?;
        let sql = "DELETE FROM search_pending WHERE id IN
                       (SELECT id FROM search_pending ORDER BY id LIMIT $1)
                   RETURNING channel, message";
        let limit = i64::try_from(SLICE).unwrap_or(i64::MAX);
        let notes = statement::list(&mut *transaction, sql, &[&limit]).await?;
        let mut slice = Slice {
            notes: notes.len(),
            ..Slice::default()
        };
        if !notes.is_empty() {
            let (blocks, unfinished) = choose_blocks(&mut transaction, &notes).await?;
            slice.blocks = write_blocks(&mut transaction, &blocks).await?;
            let sql = "INSERT INTO search_pending (channel, message) SELECT c, 0 FROM unnest($1::int8[]) c";
            statement::execute(&mut *transaction, sql, &[&unfinished]).await?;
            let sql = "SELECT count(*) FROM (SELECT FROM search_pending LIMIT $1) p";
            slice.pending = statement::get(&mut *transaction, sql, &[&MAX_COUNTED]).await?;
        }
        transaction.commit().await?;
        Ok(slice)
    }

    /// Ends in order.
    pub(crate) async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "the connection of the index did not end well");
        }
    }
}

/// The blocks that follow from notes, each a channel and a message of it: those that have the
/// message already, and those that are full since; and the channels that have more of these
/// than a slice holds.
async fn choose_blocks(
    connection: &mut PgConnection,
    notes: &[(ChannelId, u64)],
) -> Result<(Vec<Block>, Vec<ChannelId>), StoreError> {
    let (channels, messages): (Vec<ChannelId>, Vec<u64>) = notes.iter().copied().unzip();
    // A channel that is deleted meanwhile waits for the end of this, and its purge comes later.
    let sql = "SELECT c.id, c.last_seq,
                      coalesce((SELECT last_seq FROM search_blocks WHERE channel = c.id
                                ORDER BY last_id DESC LIMIT 1), 0)
               FROM channels c WHERE c.id = ANY($1) FOR KEY SHARE";
    let heads: Vec<(ChannelId, u64, u64)> =
        statement::list(&mut *connection, sql, &[&channels]).await?;
    let sql = "SELECT DISTINCT w.channel, b.last_seq
               FROM unnest($1::int8[], $2::int8[]) AS w (channel, message)
               CROSS JOIN LATERAL (SELECT first_id, last_seq FROM search_blocks
                                   WHERE channel = w.channel AND last_id >= w.message
                                   ORDER BY last_id LIMIT 1) b
               WHERE b.first_id <= w.message";
    let mut blocks: Vec<Block> =
        statement::list(&mut *connection, sql, &[&channels, &messages]).await?;
    blocks.retain(|(channel, _)| heads.iter().any(|(living, ..)| living == channel));
    let mut unfinished = Vec::new();
    for (channel, last_seq, indexed) in heads {
        let mut end = indexed + BLOCK;
        while end <= last_seq {
            if blocks.len() >= SLICE {
                unfinished.push(channel);
                break;
            }
            blocks.push((channel, end));
            end += BLOCK;
        }
    }
    Ok((blocks, unfinished))
}

/// Reads blocks and writes their signatures; answers how many.
async fn write_blocks(connection: &mut PgConnection, blocks: &[Block]) -> Result<u64, StoreError> {
    if blocks.is_empty() {
        return Ok(0);
    }
    let (channels, ends): (Vec<ChannelId>, Vec<u64>) = blocks.iter().copied().unzip();
    let sql = "SELECT w.channel, w.last, m.id, CASE WHEN m.deleted THEN NULL ELSE m.author END, m.content
               FROM unnest($1::int8[], $2::int8[]) AS w (channel, last)
               JOIN messages m ON m.channel = w.channel AND m.seq > w.last - $3 AND m.seq <= w.last";
    let rows: Vec<BlockRow> =
        statement::list(&mut *connection, sql, &[&channels, &ends, &BLOCK]).await?;
    let mut by_block: BTreeMap<Block, Vec<BlockRow>> = BTreeMap::new();
    for row in rows {
        by_block.entry((row.0, row.1)).or_default().push(row);
    }
    let mut written = Written::default();
    for ((channel, last_seq), rows) in by_block {
        let ids = || rows.iter().map(|(_, _, id, ..)| *id);
        let (Some(first), Some(last)) = (ids().min(), ids().max()) else {
            continue;
        };
        let mut signature = Signature::new();
        for (.., author, content) in &rows {
            if let Some(author) = author {
                signature.add_message(*author, &fold(content));
            }
        }
        written.channels.push(channel);
        written.last_ids.push(last);
        written.first_ids.push(first);
        written.last_seqs.push(last_seq);
        written.signatures.push(signature.into_bytes());
        // Less than a millisecond of a thread that others need, too.
        tokio::task::yield_now().await;
    }
    let sql = "INSERT INTO search_blocks (channel, last_id, first_id, last_seq, signature)
               SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::bytea[])
               ON CONFLICT (channel, last_id) DO UPDATE SET signature = excluded.signature";
    statement::execute(
        connection,
        sql,
        &[
            &written.channels,
            &written.last_ids,
            &written.first_ids,
            &written.last_seqs,
            &written.signatures,
        ],
    )
    .await
}
