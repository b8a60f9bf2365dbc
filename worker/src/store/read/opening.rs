//! What opens a session, in one statement: with each of its parts on its own, the
//! database and the worker would spend most of a sign-in on the way between them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use shared::{
    domain::permissions::Permissions,
    ids::SessionId,
    protocol::{server::Role, user::User},
};
use sqlx::PgExecutor;

use super::{
    Snapshot, Store, account, count, id,
    server::{Membership, Overrides, Roles, membership, overrides},
};
use crate::error::StoreError;

/// What a token opens.
pub(crate) struct Opening {
    pub(crate) session: SessionId,
    pub(crate) user: User,
    /// By the id of the server.
    pub(crate) memberships: Vec<Membership>,
    /// Of the account's topic and of its servers'; those without events are missing.
    pub(crate) heads: BTreeMap<u64, u64>,
    pub(crate) roles: Roles,
    pub(crate) overrides: Overrides,
    /// The log that the heads belong to; none when its name has to be read first.
    pub(crate) epoch: Option<String>,
}

/// The database's part of the log's name, and when that database was started: it
/// changes in no other moment, since a standby, which may be promoted, does not
/// tell it. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct LogName(Arc<Mutex<Option<(i64, String)>>>);

impl LogName {
    pub(super) fn learn(&self, started: i64, database: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((started, database.to_owned()));
    }

    fn of(&self, started: i64, deployment: &str) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, database) = known.as_ref().filter(|(at, _)| *at == started)?;
        Some(format!("{database}-{deployment}"))
    }
}

/// The kind of a row, what numbers it has, a text, and a list.
type Row = (
    i32,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<Vec<i64>>,
);

/// Each part with a number in front: 0 the session and its account, 1 its
/// servers, 2 heads, 3 roles, 4 channels with one override or none, 5 the log.
const STATEMENT: &str = "
    WITH me AS MATERIALIZED (
        SELECT s.id AS session, a.id, a.name, a.guest, a.admin
        FROM sessions s JOIN accounts a ON a.id = s.account
        WHERE s.token_hash = $1),
    mine AS MATERIALIZED (
        SELECT s.id, s.name, s.owner, m.roles
        FROM me JOIN members m ON m.account = me.id JOIN servers s ON s.id = m.server)
    SELECT 0, session, id, guest::int::bigint, admin::int::bigint, name, NULL::bigint[] FROM me
    UNION ALL SELECT 1, id, owner, NULL, NULL, name, roles FROM mine
    UNION ALL SELECT 2, t.id, t.head, NULL, NULL, NULL, NULL
        FROM (SELECT id FROM me UNION ALL SELECT id FROM mine) own JOIN topics t ON t.id = own.id
    UNION ALL SELECT 3, r.server, r.id, r.permissions, NULL, NULL, NULL
        FROM mine JOIN roles r ON r.server = mine.id
    UNION ALL SELECT 4, c.server, c.id, NULL, NULL, NULL,
            CASE WHEN o.channel IS NOT NULL THEN ARRAY[o.kind, o.target, o.allow, o.deny] END
        FROM mine JOIN channels c ON c.server = mine.id LEFT JOIN overrides o ON o.channel = c.id
    UNION ALL SELECT 5, (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,
            NULL, NULL, NULL, epoch, NULL
        FROM deployment";

impl Store {
    /// What a token opens: a single statement sees a single state of the database.
    pub(crate) async fn find_opening(&self, hash: &[u8]) -> Result<Option<Opening>, StoreError> {
        find(&self.pool, &self.log, hash).await
    }
}

impl Snapshot {
    /// The same, for what has to be read besides.
    pub(crate) async fn find_opening(
        &mut self,
        hash: &[u8],
    ) -> Result<Option<Opening>, StoreError> {
        let log = self.log.clone();
        find(&mut *self.transaction, &log, hash).await
    }
}

async fn find(
    database: impl PgExecutor<'_>,
    log: &LogName,
    hash: &[u8],
) -> Result<Option<Opening>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(STATEMENT)
        .bind(hash)
        .fetch_all(database)
        .await?;
    let mut identity = None;
    let (mut memberships, mut heads) = (Vec::new(), BTreeMap::new());
    let (mut roles, mut channels) = (Roles::new(), Vec::new());
    let mut epoch = None;
    for (kind, a, b, c, d, text, list) in rows {
        let (second, text, list) = (b.unwrap_or(0), text.unwrap_or_default(), list);
        match kind {
            0 => identity = Some((a, (second, text, c == Some(1), d == Some(1)))),
            1 => memberships.push((a, text, second, list.unwrap_or_default())),
            2 => {
                heads.insert(count(a)?, count(second)?);
            }
            3 => roles.entry(id(a)?).or_default().push(Role {
                role_id: id(second)?,
                // Rights do not depend on it.
                name: String::new(),
                permissions: Permissions::from_sql(c.unwrap_or(0)),
            }),
            4 => channels.push(channel(a, second, list)?),
            _ => epoch = log.of(a, &text),
        }
    }
    let Some((session, user)) = identity else {
        return Ok(None);
    };
    memberships.sort_unstable();
    channels.sort_unstable();
    let user = account::user(user)?;
    let memberships: Vec<Membership> = memberships
        .into_iter()
        .map(|row| membership(user.user_id, row))
        .collect::<Result<_, _>>()?;
    Ok(Some(Opening {
        session: id(session)?,
        user,
        memberships,
        heads,
        roles,
        overrides: overrides(channels)?,
        epoch,
    }))
}

/// A channel with one override or none.
fn channel(
    server: i64,
    channel: i64,
    list: Option<Vec<i64>>,
) -> Result<super::server::OverrideRow, StoreError> {
    let Some(list) = list else {
        return Ok((server, channel, None, None, None, None));
    };
    let wrong = || StoreError::Inconsistency("an override");
    let [kind, target, allow, deny] = <[i64; 4]>::try_from(list).map_err(|_| wrong())?;
    let kind = i16::try_from(kind).map_err(|_| wrong())?;
    Ok((
        server,
        channel,
        Some(kind),
        Some(target),
        Some(allow),
        Some(deny),
    ))
}
