//! What a deployment holds, and what waits in it: nothing here reads what it counts, so that it costs the
//! same for 10^8 messages.

use super::Snapshot;
use crate::{error::StoreError, store::values::columns};

/// Counts the rows of a table: up to 10,000 exactly, then as Postgres estimates.
macro_rules! count {
    ($table:literal, $there:literal) => {
        concat!(
            "(SELECT CASE WHEN count(*) < 10000 THEN count(*) FILTER (WHERE there)
                     ELSE greatest(count(*), (SELECT reltuples::bigint FROM pg_class
                                              WHERE oid = '",
            $table,
            "'::regclass)) END
              FROM (SELECT ",
            $there,
            " AS there FROM ",
            $table,
            " LIMIT 10000) looked)"
        )
    };
}

/// Sizes and queues. Of the internal commands it looks at the first one of each pair of partitions that
/// has any: those of a pair are executed in their order.
const STATUS: &str = concat!(
    "WITH RECURSIVE firsts AS (
         (SELECT target, source, left_at FROM internal_outbox ORDER BY target, source, number LIMIT 1)
         UNION ALL
         SELECT n.* FROM firsts f CROSS JOIN LATERAL (
             SELECT o.target, o.source, o.left_at FROM internal_outbox o
             WHERE (o.target, o.source) > (f.target, f.source)
             ORDER BY o.target, o.source, o.number LIMIT 1) n),
     oldest AS (
         SELECT min(due) AS since FROM jobs WHERE NOT parked AND due <= now()
         UNION ALL
         SELECT min(left_at) FROM firsts WHERE NOT EXISTS (
             SELECT 1 FROM internal_inbox i
             WHERE i.target = firsts.target AND i.source = firsts.source AND i.parked))
     SELECT ",
    count!("accounts", "NOT deleted"),
    ", ",
    count!("servers", "true"),
    ", ",
    count!("messages", "NOT deleted"),
    ", pg_database_size(current_database()),
       (SELECT greatest(coalesce(extract(epoch FROM now() - min(since)) * 1000, 0), 0)::bigint FROM oldest),
       (SELECT count(*) FROM jobs WHERE parked) + (SELECT count(*) FROM internal_inbox WHERE parked),
       (SELECT coalesce(sum(greatest(p.position - c.position, 0)), 0)::bigint
        FROM consumers c JOIN partitions p ON p.id = c.partition)"
);

/// What a deployment holds, and what waits.
#[derive(Debug)]
pub(crate) struct FiguresRow {
    pub(crate) accounts: u64,
    pub(crate) servers: u64,
    pub(crate) messages: u64,
    pub(crate) database_bytes: u64,
    pub(crate) oldest_work_ms: u64,
    pub(crate) parked: u64,
    pub(crate) unread_events: u64,
}

columns! { FiguresRow { accounts, servers, messages, database_bytes, oldest_work_ms, parked, unread_events } }

/// How the deployment is.
pub(crate) async fn get_status(snapshot: &mut Snapshot) -> Result<FiguresRow, StoreError> {
    snapshot.get(STATUS, &[]).await
}
