//! Reports, rules and lock-downs.

use shared::{
    ids::{ChannelId, MessageId, ReportId, RuleId, ServerId, UserId},
    protocol::{
        self,
        moderation::{Lockdown, ReportCategory, Resolution, Rule},
    },
};

use super::{Reads, Writes};
use crate::{
    error::StoreError,
    store::values::{Parameter, columns, unpack_rule},
};

/// A report that is not stored yet.
#[derive(Debug)]
pub(crate) struct NewReport<'a> {
    pub(crate) server: ServerId,
    pub(crate) id: ReportId,
    /// None for a rule.
    pub(crate) reporter: Option<UserId>,
    pub(crate) channel: ChannelId,
    pub(crate) message: MessageId,
    pub(crate) author: UserId,
    pub(crate) category: ReportCategory,
    pub(crate) text: &'a str,
    pub(crate) content: &'a str,
}

/// Who is reported, and whether that is decided.
#[derive(Debug)]
pub(crate) struct ReportedRow {
    pub(crate) author: UserId,
    pub(crate) resolved: bool,
}

columns! { ReportedRow { author, resolved } }

/// The messages that a reporter, or without one the rules, has open, each with its author; at most
/// `most` of them.
pub(crate) async fn list_open(
    reads: Reads<'_>,
    server: ServerId,
    reporter: Option<UserId>,
    most: usize,
) -> Result<Vec<(MessageId, UserId)>, StoreError> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    if let Some(reporter) = reporter {
        let sql = "SELECT message, author FROM reports
                   WHERE server = $1 AND reporter = $2 AND resolution IS NULL LIMIT $3";
        return reads.list(sql, &[&server, &reporter, &most]).await;
    }
    let sql = "SELECT message, author FROM reports
               WHERE server = $1 AND reporter IS NULL AND resolution IS NULL LIMIT $2";
    reads.list(sql, &[&server, &most]).await
}

/// Whether the members of a server have as many reports open as they may.
pub(crate) async fn has_open_reports(
    reads: Reads<'_>,
    server: ServerId,
    most: usize,
) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM reports
               WHERE server = $1 AND reporter IS NOT NULL AND resolution IS NULL LIMIT $2";
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    Ok(reads.count(sql, &[&server, &limit]).await? >= most)
}

pub(crate) async fn insert_report(
    writes: &mut Writes<'_>,
    report: &NewReport<'_>,
) -> Result<usize, StoreError> {
    let sql = "INSERT INTO reports (server, id, reporter, channel, message, author, category, text, content)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE
                   WHEN EXISTS (SELECT FROM accounts WHERE id = $6 AND deleted) THEN ''
                   ELSE $9::text END)
               RETURNING id";
    writes
        .execute(
            sql,
            &[
                &report.server,
                &report.id,
                &report.reporter,
                &report.channel,
                &report.message,
                &report.author,
                &i16::from(report.category.number()),
                &report.text,
                &report.content,
            ],
        )
        .await
}

pub(crate) async fn find_report(
    reads: Reads<'_>,
    server: ServerId,
    id: ReportId,
) -> Result<Option<ReportedRow>, StoreError> {
    let sql = "SELECT author, resolution IS NOT NULL FROM reports WHERE server = $1 AND id = $2";
    reads.find(sql, &[&server, &id]).await
}

/// Resolves a report that is open.
pub(crate) async fn resolve_report(
    writes: &mut Writes<'_>,
    (server, id): (ServerId, ReportId),
    resolver: UserId,
    (resolution, note): (Resolution, &str),
    now_ms: u64,
) -> Result<usize, StoreError> {
    let sql = "UPDATE reports SET resolution = $3, resolver = $4, resolved_at = $5, note = $6
               WHERE server = $1 AND id = $2 AND resolution IS NULL RETURNING id";
    let resolution = i16::from(resolution.number());
    writes
        .execute(sql, &[&server, &id, &resolution, &resolver, &now_ms, &note])
        .await
}

/// The rules of a server, by id, and how it is locked down or was.
pub(crate) async fn load_moderation(
    reads: Reads<'_>,
    server: ServerId,
) -> Result<(Vec<Rule>, Option<Lockdown>), StoreError> {
    futures_util::future::try_join(
        async {
            let sql = "SELECT id, settings, maker FROM automod_rules WHERE server = $1 ORDER BY id";
            let rows = reads.list(sql, &[&server]).await?;
            Ok(rows.into_iter().filter_map(unpack_rule).collect())
        },
        reads.find(
            "SELECT no_joining, speakers, until FROM lockdowns WHERE server = $1",
            &[&server],
        ),
    )
    .await
}

pub(crate) async fn insert_rule(
    writes: &mut Writes<'_>,
    server: ServerId,
    rule: &Rule,
) -> Result<usize, StoreError> {
    let sql = "INSERT INTO automod_rules (server, id, settings, maker) VALUES ($1, $2, $3, $4)
               RETURNING id";
    let settings = protocol::encode_stored(&rule.settings);
    writes
        .execute(sql, &[&server, &rule.rule_id, &settings, &rule.maker_id])
        .await
}

pub(crate) async fn update_rule(
    writes: &mut Writes<'_>,
    server: ServerId,
    rule: &Rule,
) -> Result<usize, StoreError> {
    let sql = "UPDATE automod_rules SET settings = $3, maker = $4 WHERE server = $1 AND id = $2
               RETURNING id";
    let settings = protocol::encode_stored(&rule.settings);
    writes
        .execute(sql, &[&server, &rule.rule_id, &settings, &rule.maker_id])
        .await
}

pub(crate) async fn delete_rule(
    writes: &mut Writes<'_>,
    server: ServerId,
    rule: RuleId,
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM automod_rules WHERE server = $1 AND id = $2 RETURNING id";
    writes.execute(sql, &[&server, &rule]).await
}

/// Writes how a server is locked down; none opens it.
pub(crate) async fn set_lockdown(
    writes: &mut Writes<'_>,
    server: ServerId,
    lockdown: Option<&Lockdown>,
) -> Result<usize, StoreError> {
    let Some(lockdown) = lockdown else {
        let sql = "DELETE FROM lockdowns WHERE server = $1 RETURNING server";
        return writes.execute(sql, &[&server]).await;
    };
    let sql = "INSERT INTO lockdowns (server, no_joining, speakers, until) VALUES ($1, $2, $3, $4)
               ON CONFLICT (server) DO UPDATE SET no_joining = excluded.no_joining,
                   speakers = excluded.speakers, until = excluded.until
               RETURNING server";
    let parameters: [&dyn Parameter; 4] = [
        &server,
        &lockdown.no_joining,
        &lockdown.speakers,
        &lockdown.until,
    ];
    writes.execute(sql, &parameters).await
}
