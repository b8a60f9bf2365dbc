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

/// Somebody who signed up.
#[derive(Debug)]
pub(crate) struct SignUpRow {
    pub(crate) id: UserId,
    pub(crate) name: String,
    pub(crate) guest: bool,
    pub(crate) admin: bool,
    /// The code of the deployment that was redeemed.
    pub(crate) code: Option<String>,
    /// Who made it.
    pub(crate) creator: Option<String>,
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
columns! { SignUpRow { id, name, guest, admin, code, creator } }
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

    /// The accounts whose folded names begin so, behind one of them, by name.
    pub(crate) async fn list_accounts(
        &mut self,
        prefix: &str,
        after: &str,
    ) -> Result<Vec<AccountRow>, StoreError> {
        let sql = "SELECT id, name, guest, admin, disabled,
                          (SELECT count(*) FROM sessions WHERE account = accounts.id)
                   FROM accounts WHERE NOT deleted AND folded COLLATE \"C\" > $3
                       AND folded COLLATE \"C\" >= $1 AND folded COLLATE \"C\" < $2
                   ORDER BY folded COLLATE \"C\" LIMIT $4";
        // No character sorts behind the last one.
        let end = format!("{prefix}{}", char::MAX);
        statement::list(&mut self.0, sql, &[&prefix, &end, &after, &PAGE]).await
    }

    /// The last accounts that were made before one, the newest first. Of several codes of an
    /// administrator that somebody signed up with, the first one counts.
    pub(crate) async fn list_sign_ups(
        &mut self,
        before: u64,
    ) -> Result<Vec<SignUpRow>, StoreError> {
        let sql = "SELECT a.id, a.name, a.guest, a.admin, c.code, b.name
                   FROM accounts a
                   LEFT JOIN LATERAL (
                       SELECT u.code, i.creator
                       FROM invite_uses u JOIN invites i ON i.code = u.code
                       WHERE u.account = a.id AND (i.server IS NULL OR u.opened_account)
                       ORDER BY u.used_at LIMIT 1) c ON true
                   LEFT JOIN accounts b ON b.id = c.creator
                   WHERE NOT a.deleted AND a.id < $1 ORDER BY a.id DESC LIMIT $2";
        statement::list(&mut self.0, sql, &[&before, &PAGE]).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn accounts_are_found_by_what_their_names_begin_with() {
        let (options, pool) = crate::fixture::database_and_pool().await;
        let put = "INSERT INTO accounts (id, name, folded, nonce) VALUES
                       (1, 'Anna', 'anna', 'n'), (2, 'Annabel', 'annabel', 'n'),
                       (3, 'bob', 'bob', 'n'), (4, 'anton', 'anton', 'n')";
        sqlx::raw_sql(put).execute(&pool).await.unwrap();
        let mut desk = Desk::connect(&options).await.unwrap();
        let cases = [
            ("", "", "Anna Annabel anton bob"),
            ("", "annabel", "anton bob"),
            ("ann", "", "Anna Annabel"),
            ("ann", "anna", "Annabel"),
            ("anna", "", "Anna Annabel"),
            ("c", "", ""),
        ];
        for (prefix, after, due) in cases {
            let found = desk.list_accounts(prefix, after).await.unwrap();
            let names: Vec<String> = found.into_iter().map(|row| row.name).collect();
            assert_eq!(names.join(" "), due, "{prefix} {after}");
        }
    }

    #[tokio::test]
    async fn who_signed_up_is_listed_with_the_code_that_opened_the_account() {
        let (options, pool) = crate::fixture::database_and_pool().await;
        let put = "INSERT INTO accounts (id, name, folded, nonce, guest) VALUES
                       (1, 'anna', 'anna', 'n', false), (2, 'bob', 'bob', 'n', false),
                       (3, 'guest-3', 'guest-3', 'n', true), (4, 'dave', 'dave', 'n', false);
                   INSERT INTO invites (code, server, creator) VALUES
                       ('home', NULL, 1), ('late', NULL, 1), ('club', 100, 1);
                   INSERT INTO invite_uses (code, account, used_at) VALUES
                       ('club', 2, now() - interval '2 s'), ('home', 2, now() - interval '1 s'),
                       ('late', 2, now()), ('club', 3, now());
                   INSERT INTO invite_uses (code, account, opened_account) VALUES
                       ('club', 4, true)";
        sqlx::raw_sql(put).execute(&pool).await.unwrap();
        let mut desk = Desk::connect(&options).await.unwrap();
        let found = desk.list_sign_ups(u64::MAX).await.unwrap();
        let shown = found.iter().map(|row| (&*row.name, row.code.as_deref()));
        let shown: Vec<_> = shown.collect();
        assert_eq!(
            shown,
            [
                ("dave", Some("club")),
                ("guest-3", None),
                ("bob", Some("home")),
                ("anna", None)
            ]
        );
        let creators = found.iter().map(|row| row.creator.as_deref());
        let creators: Vec<_> = creators.collect();
        assert_eq!(creators, [Some("anna"), None, Some("anna"), None]);
        assert_eq!(desk.list_sign_ups(2).await.unwrap().len(), 1);
    }
}
