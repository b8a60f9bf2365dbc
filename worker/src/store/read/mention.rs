//! Messages that mention somebody: a message has a row in `mentions` for each account and role that
//! it calls upon, so they are found by it and not by reading what was said.

use std::collections::BTreeMap;

use shared::{
    ids::{AnyId, ChannelId, MessageId, ServerId, UserId},
    protocol::register::RegisterKind,
};

use super::Snapshot;
use crate::{error::StoreError, store::values::columns};

/// A message that mentions somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mention {
    pub(crate) message: MessageId,
    pub(crate) channel: ChannelId,
    pub(crate) seq: u64,
}

/// A channel with messages behind the cursor of an account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnreadChannel {
    pub(crate) channel: ChannelId,
    pub(crate) unread: u64,
}

columns! { Mention { message, channel, seq } }
columns! { UnreadChannel { channel, unread } }

/// Of each target the next mentions below a message.
const NEXT: &str = "
    SELECT l.target, l.message, l.channel, l.seq
    FROM unnest($1::int8[], $2::int8[]) AS t (id, below)
    CROSS JOIN LATERAL (
        SELECT target, message, channel, seq FROM mentions
        WHERE target = t.id AND message < t.below
        ORDER BY message DESC LIMIT $3) l";

/// The newest messages below `before` that mention any of these targets, each once, newest first,
/// at most `limit`; and whether there are older ones.
///
/// Of each target a few are read, and more only of those that may still have one of the newest.
/// So it costs one look at the index for each target, and some rows for each message that it
/// answers, however many mention them.
pub(crate) async fn list_newest(
    snapshot: &mut Snapshot,
    targets: &[AnyId],
    before: Option<MessageId>,
    limit: u32,
) -> Result<(Vec<Mention>, bool), StoreError> {
    let wanted = limit as usize + 1;
    let from = before.map_or(u64::MAX, MessageId::get);
    let mut newest: BTreeMap<MessageId, Mention> = BTreeMap::new();
    let mut chunk = (2 * wanted / targets.len().max(1)).clamp(1, wanted);
    let mut asked: Vec<(AnyId, u64)> = targets.iter().map(|target| (*target, from)).collect();
    while !asked.is_empty() {
        let rows = list_next(snapshot, &asked, chunk).await?;
        let mut read: BTreeMap<AnyId, (usize, u64)> = BTreeMap::new();
        for (target, mention) in rows {
            let (count, lowest) = read.entry(target).or_insert((0, u64::MAX));
            *count += 1;
            *lowest = mention.message.get().min(*lowest);
            newest.insert(mention.message, mention);
        }
        while newest.len() > wanted {
            newest.pop_first();
        }
        let enough = newest.len() == wanted;
        let floor = newest.first_key_value().filter(|_| enough);
        let floor = floor.map_or(0, |(oldest, _)| oldest.get());
        // Who gave fewer has no more, and whose next one is older than enough others is done.
        let may_have_more = |(count, lowest): &(usize, u64)| *count >= chunk && *lowest > floor;
        read.retain(|_, of| may_have_more(of));
        asked = read
            .into_iter()
            .map(|(id, (_, lowest))| (id, lowest))
            .collect();
        chunk = (chunk * 2).min(wanted);
    }
    let more = newest.len() == wanted;
    let newest = newest.into_values().rev().take(limit as usize);
    Ok((newest.collect(), more))
}

async fn list_next(
    snapshot: &mut Snapshot,
    asked: &[(AnyId, u64)],
    chunk: usize,
) -> Result<Vec<(AnyId, Mention)>, StoreError> {
    let (targets, below): (Vec<AnyId>, Vec<u64>) = asked.iter().copied().unzip();
    let chunk = i64::try_from(chunk).unwrap_or(i64::MAX);
    snapshot.list(NEXT, &[&targets, &below, &chunk]).await
}

/// Whom a message in these servers may mention so that this account is meant: itself, everyone,
/// whose role has the server's id, and the roles that it holds there and that still exist.
pub(crate) async fn list_targets(
    snapshot: &mut Snapshot,
    account: UserId,
    servers: &[ServerId],
) -> Result<Vec<AnyId>, StoreError> {
    let sql = "SELECT r.id FROM members m
               CROSS JOIN LATERAL unnest(m.roles) AS held (id)
               JOIN roles r ON r.server = m.server AND r.id = held.id
               WHERE m.account = $1 AND m.server = ANY($2)";
    let mut targets: Vec<AnyId> = snapshot.list(sql, &[&account, &servers]).await?;
    targets.push(account.cast());
    targets.extend(servers.iter().map(|server| server.cast()));
    Ok(targets)
}

/// Where the account's cursors of these channels stand; channels without one are missing.
pub(crate) async fn find_cursors(
    snapshot: &mut Snapshot,
    account: UserId,
    channels: &[ChannelId],
) -> Result<BTreeMap<ChannelId, u64>, StoreError> {
    let sql = "SELECT key, value FROM registers
               WHERE account = $1 AND kind = $2 AND key = ANY($3)";
    let kind = RegisterKind::ReadCursor as i16;
    let rows = snapshot.list(sql, &[&account, &kind, &channels]).await?;
    Ok(rows.into_iter().collect())
}

/// When the account joined its servers, in milliseconds since 1970; 0 where nobody knows.
pub(crate) async fn list_joined(
    snapshot: &mut Snapshot,
    account: UserId,
) -> Result<BTreeMap<ServerId, u64>, StoreError> {
    let sql = "SELECT server, coalesce(joined_at, 0) FROM members WHERE account = $1";
    Ok(snapshot.list(sql, &[&account]).await?.into_iter().collect())
}

/// The channels of these servers with messages behind the account's cursor.
pub(crate) async fn list_unread_channels(
    snapshot: &mut Snapshot,
    account: UserId,
    servers: &[ServerId],
) -> Result<Vec<UnreadChannel>, StoreError> {
    let sql = "SELECT c.id, c.last_seq - r.value
               FROM channels c
               JOIN registers r ON r.account = $1 AND r.kind = $2 AND r.key = c.id
               WHERE c.server = ANY($3) AND c.last_seq > r.value";
    let kind = RegisterKind::ReadCursor as i16;
    snapshot.list(sql, &[&account, &kind, &servers]).await
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, collections::BTreeSet, fmt::Write as _};

    use proptest::{collection::vec, prelude::*};
    use sqlx::ConnectOptions as _;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::{
        fixture,
        store::{
            explain::explain,
            read::{SETTINGS, Store},
        },
        support::postgres,
    };

    #[tokio::test]
    async fn mentions_are_read_by_index_and_never_sorted() {
        let options = fixture::database().await.options(SETTINGS);
        let mut connection = options.connect().await.unwrap();
        let next = format!(
            "SET plan_cache_mode = force_generic_plan; PREPARE next (int8[], int8[], int8) AS {NEXT}"
        );
        let plan = explain(&mut connection, &next, "EXECUTE next ('{1}', '{9}', 9)").await;
        assert!(plan.contains("mentions_pkey"), "{plan}");
        assert!(
            !plan.contains("Seq Scan") && !plan.contains("Sort"),
            "{plan}"
        );
    }

    #[test]
    fn the_newest_of_many_targets_are_those_that_a_naive_reader_finds() {
        let runtime = Runtime::new().unwrap();
        let (options, pool) = runtime.block_on(fixture::database_and_pool());
        let store = runtime.block_on(async { Store::new(options, 1) });
        let found_any = Cell::new(0);
        // Some targets are mentioned all the time, most of them seldom.
        let target = prop_oneof![3 => 1..4_u64, 1 => 4..40_u64];
        let said = vec(vec(target, 1..4), 0..150);
        let asked = vec(
            (
                vec(1..40_u64, 0..12),
                prop::option::of(0..160_u64),
                1..30_u32,
            ),
            1..8,
        );
        proptest!(ProptestConfig::with_cases(48), |(said in said, asked in asked)| {
            runtime.block_on(async {
                let mut sql = "TRUNCATE mentions;".to_owned();
                let said = said.iter().map(|targets| targets.iter().copied().collect());
                let said: Vec<BTreeSet<u64>> = said.collect();
                for (message, targets) in (1_u64..).zip(&said) {
                    for target in targets {
                        write!(sql, "INSERT INTO mentions VALUES ({target}, 7, {message}, {message}, 1);").unwrap();
                    }
                }
                postgres::execute(&pool, &sql).await;
                for (targets, before, limit) in asked {
                    let before = before.filter(|before| *before > 0);
                    let due = (1_u64..).zip(&said).filter(|(message, of)| {
                        before.is_none_or(|before| *message < before)
                            && targets.iter().any(|target| of.contains(target))
                    });
                    let due: Vec<u64> = due.map(|(message, _)| message).collect();
                    let ids: Vec<AnyId> = targets.iter().filter_map(|id| AnyId::new(*id)).collect();
                    let mut snapshot = store.snapshot().await.unwrap();
                    let before = before.and_then(MessageId::new);
                    let (found, more) = list_newest(&mut snapshot, &ids, before, limit).await.unwrap();
                    snapshot.end().await;
                    found_any.set(found_any.get() + found.len());
                    let found: Vec<u64> = found.iter().map(|it| it.message.get()).collect();
                    let newest: Vec<u64> = due.iter().rev().copied().take(limit as usize).collect();
                    prop_assert_eq!(found, newest);
                    prop_assert_eq!(more, due.len() > limit as usize);
                }
                Ok(())
            })?;
        });
        assert!(found_any.get() > 0, "nothing was ever found");
    }
}
