//! The epoch, which names the event log: the database's part, and that of the deployment; and the
//! log's origin, which says whether the database was restored since.
//!
//! The timeline is that of the next WAL record: `pg_control_checkpoint()` keeps the
//! old one until the first checkpoint after a promotion. Where a database hides who
//! it is, its start time stands in, so every restart of it costs the clients a
//! refetch but none of them misses an event.

use std::fmt;

use shared::protocol::notification::NotificationState;
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

use super::{
    LOCK_CLASS, consumers::NOTIFICATION_READS, jobs::NOTIFICATION_PLAN, statement,
    values::Parameter,
};
use crate::error::StoreError;

/// The server, where it says who it is; the database and a table of it; and the moment to which the
/// server was restored, which it goes on saying, if to one.
macro_rules! here {
    ($server:literal, $from:literal) => {
        concat!(
            "SELECT ",
            $server,
            ", (SELECT oid FROM pg_database WHERE datname = current_database())
                   || '/' || 'deployment'::regclass::oid,
               concat(current_setting('recovery_target'), current_setting('recovery_target_time'),
                   current_setting('recovery_target_name'), current_setting('recovery_target_lsn'),
                   current_setting('recovery_target_xid'))",
            $from
        )
    };
}

/// Where an event log was made, or where it is.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    /// Empty where it is hidden.
    server: String,
    database: String,
    /// Empty where the server was restored to none.
    moment: String,
}

impl Origin {
    /// That of a log that would be made here and now.
    async fn here(connection: &mut PgConnection) -> Result<Self, StoreError> {
        let (known, ..): (bool, String, i64) =
            statement::get(&mut *connection, DEPLOYMENT, &[]).await?;
        let sql = if known {
            here!("system_identifier::text", " FROM pg_control_system()")
        } else {
            here!("''", "")
        };
        let (server, database, moment) = statement::get(&mut *connection, sql, &[]).await?;
        Ok(Self {
            server,
            database,
            moment,
        })
    }

    /// As it is stored.
    fn parse(text: &str) -> Option<Self> {
        let (made_in, moment) = text.split_once('@')?;
        let (server, database) = made_in.split_once('/')?;
        let [server, database, moment] = [server, database, moment].map(str::to_owned);
        Some(Self {
            server,
            database,
            moment,
        })
    }

    /// Whether a log of this origin may go on here: not where a dump was read into another
    /// database, and not where this one was brought back to a moment since. What is not said any
    /// more says nothing.
    fn goes_on(&self, here: &Self) -> bool {
        let agree = |one: &str, other: &str| one.is_empty() || other.is_empty() || one == other;
        agree(&self.server, &here.server)
            && self.database == here.database
            && (here.moment.is_empty() || self.moment == here.moment)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.server, self.database, self.moment)
    }
}

/// Whether the database tells who it is, the deployment's part of the epoch, and
/// when the database was started, in microseconds since 1970.
pub(super) const DEPLOYMENT: &str = "
    SELECT coalesce(bool_and(has_function_privilege(to_regprocedure(f), 'EXECUTE')), false)
               AND count(to_regprocedure(f)) = 3,
           (SELECT epoch FROM deployment),
           (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint
    FROM unnest(ARRAY['pg_control_system()', 'pg_walfile_name(pg_lsn)', 'pg_current_wal_insert_lsn()']) f";

/// The database's part of the epoch; whether it tells who it is says [`DEPLOYMENT`].
pub(super) const fn database(known: bool) -> &'static str {
    if known {
        "SELECT system_identifier || '-' ||
                ltrim(left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), '0')
         FROM pg_control_system()"
    } else {
        "SELECT 'started-' || floor(extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint"
    }
}

/// The epoch, of both of its parts.
pub(super) fn join(database: &str, deployment: &str) -> String {
    format!("{database}-{deployment}")
}

/// The origin and the deployment's part of the epoch, which no failover changes; none where the
/// database was restored and nobody said so.
pub(crate) async fn find_origin(options: &PgConnectOptions) -> Result<Option<String>, StoreError> {
    let mut connection = options.connect().await?;
    let sql = "SELECT origin, epoch FROM deployment";
    let (text, epoch): (String, String) = statement::get(&mut connection, sql, &[]).await?;
    let unsaid = StoreError::Inconsistency("no origin: `worker migrate` has not ended");
    let origin = Origin::parse(&text).ok_or(unsaid)?;
    let here = Origin::here(&mut connection).await?;
    connection.close().await?;
    Ok(origin.goes_on(&here).then(|| format!("{origin} {epoch}")))
}

/// Says where the log was made, in a database where nobody did.
pub(super) async fn fill_origin(connection: &mut PgConnection) -> Result<(), StoreError> {
    let here = Origin::here(connection).await?.to_string();
    let sql = "UPDATE deployment SET origin = $1 WHERE origin = ''";
    statement::execute(connection, sql, &[&here]).await?;
    Ok(())
}

/// Gives the log another epoch, and says that it was made here: the places that clients hold mean
/// nothing in it. `false`, and nothing is changed, while a lane holds a partition: it would go on
/// with the old one.
/// A lane that takes one meanwhile waits for the row, and finds the new epoch there.
pub(crate) async fn replace(options: &PgConnectOptions, epoch: &str) -> Result<bool, StoreError> {
    let mut connection = options.connect().await?;
    let mut transaction = connection.begin().await?;
    let lock = "SELECT 1 FROM deployment FOR UPDATE";
    statement::execute(&mut *transaction, lock, &[]).await?;
    let here = Origin::here(&mut transaction).await?.to_string();
    let sql = "
        UPDATE deployment SET epoch = $1, origin = $2
        WHERE NOT EXISTS (
            SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid::int8 = $3
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))";
    let parameters: [&dyn Parameter; 3] = [&epoch, &here, &i64::from(LOCK_CLASS)];
    let replaced = statement::execute(&mut *transaction, sql, &parameters).await?;
    if replaced > 0 {
        // Whom a restored database would tell was told, or reads it when he comes back.
        let sql =
            "WITH gone AS (DELETE FROM pushes) UPDATE notifications SET state = $1 WHERE state = 0";
        statement::execute(&mut *transaction, sql, &[&NotificationState::Withdrawn]).await?;
        let sql = "WITH gone AS (DELETE FROM jobs WHERE kind = $1)
                   UPDATE consumers c SET position = p.position FROM partitions p
                   WHERE c.name = $2 AND c.partition = p.id";
        let parameters: [&dyn Parameter; 2] = [&NOTIFICATION_PLAN, &NOTIFICATION_READS.name];
        statement::execute(&mut *transaction, sql, &parameters).await?;
    }
    transaction.commit().await?;
    connection.close().await?;
    Ok(replaced > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_goes_on_where_it_was_made_and_nowhere_else() {
        let goes_on = |made: &str, here: &str| {
            let [made, here] = [made, here].map(|text| Origin::parse(text).unwrap());
            assert_eq!(Origin::parse(&made.to_string()).unwrap(), made);
            made.goes_on(&here)
        };
        // After an ordinary restart, and once the target of a restore is said no more.
        assert!(goes_on("7/5/16405@", "7/5/16405@"));
        assert!(goes_on("7/5/16405@03:00", "7/5/16405@"));
        // Where a server begins or ceases to say who it is.
        assert!(goes_on("/5/16405@", "7/5/16405@") && goes_on("7/5/16405@", "/5/16405@"));
        // Another server that hands out the same numbers, another database, another table, and
        // another moment.
        for here in ["8/5/16405@", "7/6/16405@", "7/5/16406@", "7/5/16405@04:00"] {
            assert!(!goes_on("7/5/16405@03:00", here), "{here}");
        }
    }
}
