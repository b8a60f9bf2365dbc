//! What accounts want to be told of.

use shared::{
    ids::{AnyId, UserId},
    protocol::notification::SetNotifications,
};

use super::{Reads, Writes};
use crate::error::StoreError;

/// An account, and of what it wants to be told; none is all servers.
pub(crate) type Watched = (UserId, Option<AnyId>);

/// Whether the account belongs to the server, or to that of the channel or category.
pub(crate) async fn may_watch(
    reads: Reads<'_>,
    (account, scope): Watched,
) -> Result<bool, StoreError> {
    let Some(scope) = scope else {
        return Ok(true);
    };
    let sql = "SELECT EXISTS (SELECT FROM members WHERE account = $1 AND server = $2)
                   OR EXISTS (SELECT FROM channels c JOIN members m ON m.server = c.server AND m.account = $1
                              WHERE c.id = $2)";
    Ok(reads
        .find(sql, &[&account, &scope])
        .await?
        .unwrap_or_default())
}

/// Whether the account is among those who want to be told of all that is said there.
pub(crate) async fn set_watcher(
    writes: &mut Writes<'_>,
    (account, scope): Watched,
    watches: bool,
) -> Result<(), StoreError> {
    let sql = if watches {
        "INSERT INTO watchers (scope, account) VALUES ($2, $1) ON CONFLICT DO NOTHING RETURNING scope"
    } else {
        "DELETE FROM watchers WHERE scope = $2 AND account = $1 RETURNING scope"
    };
    let scope = scope.map_or(0, AnyId::get);
    writes.execute(sql, &[&account, &scope]).await?;
    Ok(())
}

/// Sets how the account is told; answers which change that was, and none for an account that is deleted.
pub(crate) async fn set_settings(
    writes: &mut Writes<'_>,
    account: UserId,
    settings: &SetNotifications,
) -> Result<Option<u64>, StoreError> {
    let quiet = settings.quiet.as_ref();
    let from = quiet.map(|quiet| quiet.from);
    let to = quiet.map(|quiet| quiet.to);
    let zone = quiet.map(|quiet| quiet.zone.as_str());
    let sql = "INSERT INTO notification_settings AS s
                   (account, quiet_from, quiet_to, zone, keywords, private, version)
               SELECT id, $2, $3, $4, $5, $6, 1 FROM accounts WHERE id = $1 AND NOT deleted
               ON CONFLICT (account) DO UPDATE SET quiet_from = excluded.quiet_from,
                   quiet_to = excluded.quiet_to, zone = excluded.zone, keywords = excluded.keywords,
                   private = excluded.private, version = s.version + 1
               RETURNING version";
    let (keywords, private) = (&settings.keywords, settings.private);
    let versions: Vec<u64> = writes
        .list(sql, &[&account, &from, &to, &zone, keywords, &private])
        .await?;
    Ok(versions.first().copied())
}

/// By which words the account is found; those that stay are not touched.
pub(crate) async fn replace_keywords(
    writes: &mut Writes<'_>,
    account: UserId,
    words: &[String],
) -> Result<(), StoreError> {
    let sql = "DELETE FROM keywords WHERE account = $1 AND word <> ALL ($2) RETURNING account";
    writes.execute(sql, &[&account, &words]).await?;
    let sql =
        "INSERT INTO keywords (word, account) SELECT w.word, $1 FROM unnest($2::text[]) AS w (word)
               ON CONFLICT DO NOTHING RETURNING account";
    writes.execute(sql, &[&account, &words]).await?;
    Ok(())
}
