//! What messages take on the disk of Postgres: rows with their indexes, by how long they are kept, and
//! the log.

use anyhow::{Context, Result};
use tokio_postgres::Client;

use crate::measure::{Better, Figure, real};

/// A table with its indexes, and its parts with theirs.
const TABLE: &str = "
    SELECT (pg_total_relation_size($1::text::regclass) + coalesce(sum(pg_total_relation_size(relid)), 0))::int8
    FROM pg_partition_tree($1::text::regclass) WHERE relid <> $1::text::regclass";
/// How far the log was written.
const LOG: &str = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::int8";

/// Bytes on disk at one moment.
pub(super) struct DiskUse {
    messages: u64,
    events: u64,
    nonces: u64,
    log: u64,
}

impl DiskUse {
    /// Reads it.
    pub(super) async fn read(client: &Client) -> Result<Self> {
        let table = async |name: &str| number(client.query_one(TABLE, &[&name]).await?.get(0));
        Ok(Self {
            messages: table("messages").await?,
            events: table("events").await?,
            nonces: table("nonces").await?,
            log: number(client.query_one(LOG, &[]).await?.get(0))?,
        })
    }

    /// What was added since an earlier moment.
    pub(super) const fn since(&self, before: &Self) -> Self {
        Self {
            messages: self.messages.saturating_sub(before.messages),
            events: self.events.saturating_sub(before.events),
            nonces: self.nonces.saturating_sub(before.nonces),
            log: self.log.saturating_sub(before.log),
        }
    }

    /// For each of so many messages.
    pub(super) fn per(&self, messages: u64) -> [Figure; 4] {
        [
            ("disk per message", self.messages),
            ("disk per message, its event", self.events),
            ("disk per message, its nonce", self.nonces),
            ("log of postgres per message", self.log),
        ]
        .map(|(name, bytes)| {
            Figure::once(name, "bytes", Better::Less, real(bytes) / real(messages))
        })
    }
}

fn number(value: i64) -> Result<u64> {
    u64::try_from(value).context("a size is below 0")
}
