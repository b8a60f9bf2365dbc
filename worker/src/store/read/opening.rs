//! What opens a session, in one statement: with each of its parts on its own, the
//! database and the worker would spend most of a sign-in on the way between them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use shared::{
    bus::envelope::AccountStatus,
    domain::permissions::Standing,
    ids::{Id, RoleId, SessionId},
    protocol::{presence::StatusKind, server::Server, user::User},
};
use sqlx::PgExecutor;

use super::{Membership, Snapshot, Store};
use crate::{
    error::StoreError,
    store::{epoch, statement, values::FromColumn as _},
};

/// What a token opens.
pub(crate) struct Opening {
    pub(crate) session: SessionId,
    pub(crate) user: User,
    /// The account's register version.
    pub(crate) registers: u64,
    /// The status that it has set.
    pub(crate) status: AccountStatus,
    /// By the id of the server.
    pub(crate) memberships: Vec<Membership>,
    /// Of the account's topic and of its servers'; those without events are missing.
    pub(crate) heads: BTreeMap<u64, u64>,
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

    pub(super) fn of(&self, started: i64, deployment: &str) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, database) = known.as_ref().filter(|(at, _)| *at == started)?;
        Some(epoch::join(database, deployment))
    }
}

/// The kind of a row, what numbers it has, texts, and a list.
type Row = (
    i32,
    i64,
    (Option<i64>, Option<i64>, Option<i64>, Option<i64>),
    (Option<Vec<String>>, Option<Vec<i64>>),
);

/// Each part with a number in front: 0 the session and its account, 1 its
/// servers, 2 heads, 3 the log, 4 the account's status.
const STATEMENT: &str = "
    WITH me AS MATERIALIZED (
        SELECT s.id AS session, a.id, a.name, a.guest, a.admin, a.avatar
        FROM sessions s JOIN accounts a ON a.id = s.account
        WHERE s.token_hash = $1),
    mine AS MATERIALIZED (
        SELECT s.id, s.name, s.owner, s.icon, s.description, s.discoverable,
            m.roles, m.since, m.changed
        FROM me JOIN members m ON m.account = me.id JOIN servers s ON s.id = m.server)
    SELECT 0, session, id, guest::int::bigint, admin::int::bigint, NULL, ARRAY[name, avatar],
            ARRAY(SELECT version FROM register_heads WHERE account = me.id) FROM me
    UNION ALL SELECT 1, id, owner, since, changed, discoverable::int::bigint,
            ARRAY[name, icon, description], roles FROM mine
    UNION ALL SELECT 2, t.id, t.head, NULL, NULL, NULL, NULL, NULL
        FROM (SELECT id FROM me UNION ALL SELECT id FROM mine) own JOIN topics t ON t.id = own.id
    UNION ALL SELECT 3, (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,
            NULL, NULL, NULL, NULL, ARRAY[epoch], NULL
        FROM deployment
    UNION ALL SELECT 4, s.version, s.status::bigint, s.until, NULL, NULL, NULL, NULL
        FROM me JOIN statuses s ON s.account = me.id";

impl Store {
    /// What a token opens: a single statement sees a single state of the database.
    pub(crate) async fn find_opening(&self, hash: &[u8]) -> Result<Option<Opening>, StoreError> {
        find(&self.pool, &self.log, hash).await
    }
}

/// The same, for what has to be read besides.
pub(crate) async fn find_opening(
    snapshot: &mut Snapshot,
    hash: &[u8],
) -> Result<Option<Opening>, StoreError> {
    let log = snapshot.log.clone();
    find(&mut *snapshot.transaction, &log, hash).await
}

async fn find(
    database: impl PgExecutor<'_>,
    log: &LogName,
    hash: &[u8],
) -> Result<Option<Opening>, StoreError> {
    let rows: Vec<Row> = statement::list(database, STATEMENT, &[&hash]).await?;
    let (mut identity, mut registers) = (None, 0);
    let mut status = AccountStatus::default();
    let (mut memberships, mut heads) = (Vec::new(), BTreeMap::new());
    let mut epoch = None;
    for (kind, a, (b, c, d, e), (texts, list)) in rows {
        let (second, list) = (b.unwrap_or(0), list.unwrap_or_default());
        let mut texts = texts.into_iter().flatten();
        let mut next_text = || texts.next().unwrap_or_default();
        match kind {
            0 => {
                let user = User {
                    user_id: Id::from_column(second)?,
                    name: next_text(),
                    guest: c == Some(1),
                    admin: d == Some(1),
                    avatar: next_text(),
                    // A deleted account has no session.
                    deleted: false,
                };
                identity = Some((Id::from_column(a)?, user));
                registers = u64::from_column(list.into_iter().sum())?;
            }
            1 => memberships.push((
                Server {
                    server_id: Id::from_column(a)?,
                    name: next_text(),
                    owner_id: Id::from_column(second)?,
                    icon: next_text(),
                    description: next_text(),
                    discoverable: e == Some(1),
                },
                Vec::<RoleId>::from_column(list)?,
                u64::from_column(c.unwrap_or(0))?,
                u64::from_column(d.unwrap_or(0))?,
            )),
            2 => {
                heads.insert(u64::from_column(a)?, u64::from_column(second)?);
            }
            3 => epoch = log.of(a, &next_text()),
            _ => {
                let kind = i16::try_from(second).unwrap_or(-1);
                status = AccountStatus {
                    status: StatusKind::from_column(kind)?,
                    until: c.map(u64::from_column).transpose()?,
                    version: u64::from_column(a)?,
                };
            }
        }
    }
    let Some((session, user)) = identity else {
        return Ok(None);
    };
    let standing = |(server, mut roles, since, changed): (_, Vec<RoleId>, _, _)| {
        roles.sort_unstable();
        let standing = Standing {
            user: user.user_id,
            roles,
            since,
            changed,
        };
        (server, standing)
    };
    let mut memberships: Vec<Membership> = memberships.into_iter().map(standing).collect();
    memberships.sort_unstable_by_key(|(server, _)| server.server_id);
    Ok(Some(Opening {
        session,
        user,
        registers,
        status,
        memberships,
        heads,
        epoch,
    }))
}
