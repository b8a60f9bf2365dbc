//! What operators look at, and the rows that no lane remembers.

use shared::ids::{Partition, ServerId, UserId};
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};

use super::{statement, values::columns};
use crate::error::StoreError;

/// Rows of a list, at most.
const PAGE: i64 = 100;

/// An account.
#[derive(Debug)]
pub(crate) struct AccountRow {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) guest: bool,
    pub(crate) admin: bool,
    pub(crate) disabled: bool,
    pub(crate) sessions: i64,
}

/// A server.
#[derive(Debug)]
pub(crate) struct ServerRow {
    pub(crate) id: ServerId,
    pub(crate) name: String,
    pub(crate) owner: Option<String>,
    pub(crate) members: i32,
    pub(crate) messages: i64,
}

/// An entry of an audit log.
#[derive(Debug)]
pub(crate) struct EntryRow {
    pub(crate) id: i64,
    pub(crate) action: i16,
    pub(crate) actor: Option<i64>,
    pub(crate) target: Option<i64>,
    pub(crate) reason: String,
}

/// A job.
#[derive(Debug)]
pub(crate) struct JobRow {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) parked: bool,
    pub(crate) attempts: i16,
    /// Seconds since it was left.
    pub(crate) age: i64,
    pub(crate) problem: Option<String>,
}

/// Internal commands of one partition for another that wait for a person.
#[derive(Debug)]
pub(crate) struct PairRow {
    pub(crate) target: Partition,
    pub(crate) source: Partition,
    pub(crate) waiting: i64,
    pub(crate) problem: Option<String>,
}

columns! { AccountRow { id, name, guest, admin, disabled, sessions } }
columns! { ServerRow { id, name, owner, members, messages } }
columns! { EntryRow { id, action, actor, target, reason } }
columns! { JobRow { id, kind, parked, attempts, age, problem } }
columns! { PairRow { target, source, waiting, problem } }

/// A connection for what an operator asks.
pub(crate) struct Desk(PgConnection);

impl Desk {
    pub(crate) async fn connect(options: &PgConnectOptions) -> Result<Self, StoreError> {
        let options = options.clone().application_name("confab-admin");
        Ok(Self(options.connect().await?))
    }

    /// The account with this folded name.
    pub(crate) async fn find_account(
        &mut self,
        folded: &str,
    ) -> Result<Option<UserId>, StoreError> {
        let sql = "SELECT id FROM accounts WHERE folded = $1 AND NOT deleted";
        statement::find(&mut self.0, sql, &[&folded]).await
    }

    /// The accounts behind a folded name, by name.
    pub(crate) async fn list_accounts(
        &mut self,
        after: &str,
    ) -> Result<Vec<AccountRow>, StoreError> {
        let sql = "SELECT id, name, guest, admin, disabled,
                          (SELECT count(*) FROM sessions WHERE account = accounts.id)
                   FROM accounts WHERE NOT deleted AND folded COLLATE \"C\" > $1
                   ORDER BY folded COLLATE \"C\" LIMIT $2";
        statement::list(&mut self.0, sql, &[&after, &PAGE]).await
    }

    /// The servers behind an id, by id.
    pub(crate) async fn list_servers(&mut self, after: u64) -> Result<Vec<ServerRow>, StoreError> {
        let sql = "SELECT s.id, s.name, a.name, s.member_count,
                          (SELECT coalesce(sum(last_seq), 0)::int8 FROM channels WHERE server = s.id)
                   FROM servers s LEFT JOIN accounts a ON a.id = s.owner
                   WHERE s.id > $1 ORDER BY s.id LIMIT $2";
        statement::list(&mut self.0, sql, &[&after, &PAGE]).await
    }

    /// The newest entries of the audit log of a server.
    pub(crate) async fn list_entries(&mut self, server: u64) -> Result<Vec<EntryRow>, StoreError> {
        let sql = "SELECT id, action, actor, target, reason FROM audit_entries
                   WHERE server = $1 ORDER BY id DESC LIMIT $2";
        statement::list(&mut self.0, sql, &[&server, &PAGE]).await
    }

    /// Jobs, those that wait for a person first.
    pub(crate) async fn list_jobs(&mut self) -> Result<Vec<JobRow>, StoreError> {
        let sql = "SELECT id, kind, parked, attempts,
                          extract(epoch FROM now() - created_at)::int8, problem
                   FROM jobs ORDER BY parked DESC, id LIMIT $1";
        statement::list(&mut self.0, sql, &[&PAGE]).await
    }

    /// Pairs of partitions whose internal commands wait for a person.
    pub(crate) async fn list_pairs(&mut self) -> Result<Vec<PairRow>, StoreError> {
        let sql = "SELECT i.target, i.source,
                          (SELECT count(*) FROM internal_outbox o WHERE o.target = i.target
                               AND o.source = i.source AND o.number > i.applied),
                          i.problem
                   FROM internal_inbox i WHERE i.parked ORDER BY i.target, i.source LIMIT $1";
        statement::list(&mut self.0, sql, &[&PAGE]).await
    }

    /// Has a job that waits for a person tried again; answers whether there is one.
    pub(crate) async fn retry_job(&mut self, id: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE jobs SET parked = false, attempts = 0, due = now()
                   WHERE id = $1 AND parked";
        Ok(statement::execute(&mut self.0, sql, &[&id]).await? == 1)
    }

    /// The same of the internal commands of a pair.
    pub(crate) async fn retry_pair(
        &mut self,
        target: u16,
        source: u16,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE internal_inbox SET parked = false, attempts = 0, not_before = now()
                   WHERE target = $1 AND source = $2 AND parked";
        let retried = statement::execute(&mut self.0, sql, &[&target, &source]).await?;
        Ok(retried == 1)
    }
}
