//! The audit log, and reports.

use shared::{
    domain::{audit::Action, limits::MAX_ENTRIES_LOOKED_AT},
    ids::{AnyId, ChannelId, EntryId, MessageId, ReportId, ServerId, UserId, first_raw},
    protocol::moderation::{
        AuditEntry, Lockdown, Report, ReportCategory, ReportOutcome, Resolution, Rule,
    },
};

use super::{
    Snapshot,
    message::{PAGE_BYTES, fitting},
};
use crate::{
    error::StoreError,
    store::values::{columns, unpack_rule},
};

/// Which entries.
#[derive(Debug)]
pub(crate) struct Filters {
    /// Only older ones.
    pub(crate) before: Option<EntryId>,
    pub(crate) actor: Option<UserId>,
    pub(crate) target: Option<AnyId>,
    pub(crate) action: Option<Action>,
}

impl Filters {
    fn count(&self) -> usize {
        let given = [
            self.actor.is_some(),
            self.target.is_some(),
            self.action.is_some(),
        ];
        given.into_iter().filter(|given| *given).count()
    }

    fn take(&self, found: &Found) -> bool {
        let action = self.action.map(|action| i16::from(action.number()));
        self.actor.is_none_or(|actor| found.actor == Some(actor))
            && self
                .target
                .is_none_or(|target| found.target == Some(target))
            && action.is_none_or(|action| found.action == action)
    }
}

/// What the filters look at.
#[derive(Debug)]
struct Found {
    id: EntryId,
    actor: Option<UserId>,
    target: Option<AnyId>,
    action: i16,
    /// Of what it says: known without reading it.
    bytes: i32,
}

/// Selects what filters look at of the entries that the rest names.
macro_rules! select_found {
    ($rest:literal) => {
        concat!(
            "SELECT id, actor, target, action, octet_length(reason)
                 + coalesce(octet_length(before), 0) + coalesce(octet_length(after), 0)
             FROM audit_entries WHERE ",
            $rest
        )
    };
}

/// An entry, before it is known whether this program knows its action.
#[derive(Debug)]
struct EntryRow {
    id: EntryId,
    action: i16,
    actor: Option<UserId>,
    target: Option<AnyId>,
    reason: String,
    before: Option<String>,
    after: Option<String>,
}

/// How often somebody did something.
#[derive(Debug)]
pub(crate) struct EntryCount {
    /// The number of the action; a newer program may know it.
    pub(crate) action: i16,
    pub(crate) actor: Option<UserId>,
    pub(crate) count: u64,
    pub(crate) oldest: EntryId,
}

columns! { Found { id, actor, target, action, bytes } }
columns! { EntryRow { id, action, actor, target, reason, before, after } }
columns! { EntryCount { action, actor, count, oldest } }

/// A page of a server's audit log, newest first, and where the next one begins. One filter is an
/// index; of what the narrowest of several leaves, a bounded number is looked at. A page ends where
/// its entries are too many bytes, before they are read.
pub(crate) async fn list_entries(
    snapshot: &mut Snapshot,
    server: ServerId,
    filters: &Filters,
    limit: u32,
) -> Result<(Vec<AuditEntry>, Option<EntryId>), StoreError> {
    let most = if filters.count() > 1 {
        MAX_ENTRIES_LOOKED_AT
    } else {
        limit + 1
    };
    let found = look_for(snapshot, server, filters, most).await?;
    let taken: Vec<&Found> = found.iter().filter(|found| filters.take(found)).collect();
    let mut ids: Vec<EntryId> = taken.iter().map(|found| found.id).collect();
    let sizes = taken.iter().take(limit as usize);
    let sizes = sizes.map(|found| usize::try_from(found.bytes).unwrap_or_default());
    let kept = fitting(sizes, PAGE_BYTES);
    let full = found.len() >= most as usize;
    let last_looked = found.last().filter(|_| full).map(|found| found.id);
    let next = if ids.len() > kept {
        ids.truncate(kept);
        ids.last().copied()
    } else {
        last_looked
    };
    let sql = "SELECT id, action, actor, target, reason, before, after FROM audit_entries
               WHERE server = $1 AND id = ANY($2) ORDER BY id DESC";
    let rows: Vec<EntryRow> = snapshot.list(sql, &[&server, &ids]).await?;
    Ok((rows.into_iter().filter_map(known).collect(), next))
}

/// None for what only a newer program knows.
fn known(row: EntryRow) -> Option<AuditEntry> {
    Some(AuditEntry {
        entry_id: row.id,
        action: Action::from_number(u8::try_from(row.action).ok()?)?,
        actor_id: row.actor,
        target_id: row.target,
        reason: row.reason,
        before: row.before,
        after: row.after,
    })
}

async fn look_for(
    snapshot: &mut Snapshot,
    server: ServerId,
    filters: &Filters,
    most: u32,
) -> Result<Vec<Found>, StoreError> {
    let before = filters.before.map_or(u64::MAX, EntryId::get);
    let most = i64::from(most);
    if let Some(target) = filters.target {
        let sql =
            select_found!("server = $1 AND target = $2 AND id < $3 ORDER BY id DESC LIMIT $4");
        snapshot
            .list(sql, &[&server, &target, &before, &most])
            .await
    } else if let Some(actor) = filters.actor {
        let sql = select_found!("server = $1 AND actor = $2 AND id < $3 ORDER BY id DESC LIMIT $4");
        snapshot.list(sql, &[&server, &actor, &before, &most]).await
    } else if let Some(action) = filters.action {
        let sql =
            select_found!("server = $1 AND action = $2 AND id < $3 ORDER BY id DESC LIMIT $4");
        let action = i16::from(action.number());
        snapshot
            .list(sql, &[&server, &action, &before, &most])
            .await
    } else {
        let sql = select_found!("server = $1 AND id < $2 ORDER BY id DESC LIMIT $3");
        snapshot.list(sql, &[&server, &before, &most]).await
    }
}

/// How often who did what since a time in milliseconds, of the newest entries.
pub(crate) async fn count_entries(
    snapshot: &mut Snapshot,
    server: ServerId,
    since_ms: u64,
) -> Result<Vec<EntryCount>, StoreError> {
    let sql = "SELECT action, actor, count(*), min(id) FROM (
                   SELECT action, actor, id FROM audit_entries
                   WHERE server = $1 AND id >= $2 ORDER BY id DESC LIMIT $3) looked
               GROUP BY action, actor";
    let first = first_raw(since_ms);
    let most = i64::from(MAX_ENTRIES_LOOKED_AT);
    snapshot.list(sql, &[&server, &first, &most]).await
}

/// A report as its columns say it.
#[derive(Debug)]
struct ReportRow {
    id: ReportId,
    reporter: Option<UserId>,
    channel: ChannelId,
    message: MessageId,
    author: UserId,
    category: i16,
    text: String,
    content: String,
    resolution: Option<i16>,
    resolver: Option<UserId>,
    resolved_at: Option<u64>,
    note: String,
}

columns! { ReportRow {
    id, reporter, channel, message, author, category, text, content, resolution, resolver,
    resolved_at, note
} }

/// Which reports of a server are listed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReportFilter {
    pub(crate) resolved: bool,
    /// Only what is older than this one.
    pub(crate) before: Option<ReportId>,
    /// Not those about this account.
    pub(crate) not_about: Option<UserId>,
}

/// A page of reports, open or resolved, newest first.
pub(crate) async fn list_reports(
    snapshot: &mut Snapshot,
    server: ServerId,
    which: ReportFilter,
    limit: u32,
) -> Result<Vec<Report>, StoreError> {
    let sql = if which.resolved {
        "SELECT id, reporter, channel, message, author, category, text, content, resolution,
                resolver, resolved_at, note FROM reports
         WHERE server = $1 AND id < $2 AND resolution IS NOT NULL AND author IS DISTINCT FROM $4
         ORDER BY id DESC LIMIT $3"
    } else {
        "SELECT id, reporter, channel, message, author, category, text, content, resolution,
                resolver, resolved_at, note FROM reports
         WHERE server = $1 AND id < $2 AND resolution IS NULL AND author IS DISTINCT FROM $4
         ORDER BY id DESC LIMIT $3"
    };
    let before = which.before.map_or(u64::MAX, ReportId::get);
    let rows: Vec<ReportRow> = snapshot
        .list(
            sql,
            &[&server, &before, &i64::from(limit), &which.not_about],
        )
        .await?;
    Ok(rows.into_iter().map(report).collect())
}

/// What a newer program calls otherwise is something else here.
fn report(row: ReportRow) -> Report {
    let number = |column: i16| u8::try_from(column).ok();
    let outcome = row
        .resolution
        .zip(row.resolver)
        .map(|(resolution, resolver_id)| {
            let resolution = number(resolution).and_then(Resolution::from_number);
            ReportOutcome {
                resolution: resolution.unwrap_or(Resolution::Acted),
                resolver_id,
                resolved_at: row.resolved_at.unwrap_or_default(),
                note: row.note,
            }
        });
    let category = number(row.category).and_then(ReportCategory::from_number);
    Report {
        report_id: row.id,
        reporter_id: row.reporter,
        channel_id: row.channel,
        message_id: row.message,
        author_id: row.author,
        category: category.unwrap_or(ReportCategory::Other),
        text: row.text,
        content: Some(row.content),
        outcome,
    }
}

/// The rules of a server, by id.
pub(crate) async fn list_rules(
    snapshot: &mut Snapshot,
    server: ServerId,
) -> Result<Vec<Rule>, StoreError> {
    let sql = "SELECT id, settings, maker FROM automod_rules WHERE server = $1 ORDER BY id";
    let rows = snapshot.list(sql, &[&server]).await?;
    Ok(rows.into_iter().filter_map(unpack_rule).collect())
}

/// How a server is locked down, or was.
pub(crate) async fn find_lockdown(
    snapshot: &mut Snapshot,
    server: ServerId,
) -> Result<Option<Lockdown>, StoreError> {
    let sql = "SELECT no_joining, speakers, until FROM lockdowns WHERE server = $1";
    snapshot.find(sql, &[&server]).await
}

#[cfg(test)]
mod tests {
    use crate::store::explain::explain;

    #[tokio::test]
    async fn each_filter_of_the_audit_log_is_an_index() {
        let (_options, pool) = crate::fixture::database_and_pool().await;
        let mut connection = pool.acquire().await.unwrap();
        let fill = "INSERT INTO audit_entries (server, id, action, actor, target)
                    SELECT n % 50, n, n % 30, n % 90, n % 70 FROM generate_series(1, 20000) n;
                    ANALYZE audit_entries; SET enable_seqscan = off; SET enable_bitmapscan = off";
        let _filled = explain(&mut connection, fill, "SELECT 1").await;
        for (filter, index) in [
            ("target = 3 AND", "audit_entries_target"),
            ("actor = 3 AND", "audit_entries_actor"),
            ("action = 3::int2 AND", "audit_entries_action"),
            ("", "audit_entries_pkey"),
        ] {
            let page = format!(
                "SELECT id FROM audit_entries WHERE server = 3 AND {filter} id < 19000
                 ORDER BY id DESC LIMIT 50"
            );
            let plan = explain(&mut connection, "", &page).await;
            assert!(plan.contains(index) && !plan.contains("Sort"), "{plan}");
        }
    }
}
