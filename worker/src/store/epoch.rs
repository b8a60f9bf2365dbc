//! The name of the event log: that of the database, and that of the deployment.
//!
//! The timeline is that of the next WAL record: `pg_control_checkpoint()` keeps the
//! old one until the first checkpoint after a promotion. Where a database hides who
//! it is, its start time stands in, so every restart of it costs the clients a
//! refetch but none of them misses an event.

use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions};

use super::{LOCK_CLASS, statement};
use crate::error::StoreError;

/// To which moment the database was restored, if to one. Its server goes on saying so.
macro_rules! target {
    () => {
        "concat(current_setting('recovery_target'), current_setting('recovery_target_time'),
                current_setting('recovery_target_name'), current_setting('recovery_target_lsn'),
                current_setting('recovery_target_xid'))"
    };
}

/// The deployment's part of the name, and whether the database is the one that it was told for: not a
/// dump that was read into another one, and not brought back to a moment since. A target that is
/// said no more says nothing.
const HOME: &str = concat!(
    "SELECT epoch, split_part(origin, '@', 1) = 'deployment'::regclass::oid::text
               AND ",
    target!(),
    " IN ('', substr(origin, strpos(origin, '@') + 1))
     FROM deployment"
);

/// Whether the database tells who it is, the deployment's part of the name, and
/// when the database was started, in microseconds since 1970.
pub(super) const DEPLOYMENT: &str = "
    SELECT coalesce(bool_and(has_function_privilege(to_regprocedure(f), 'EXECUTE')), false)
               AND count(to_regprocedure(f)) = 3,
           (SELECT epoch FROM deployment),
           (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint
    FROM unnest(ARRAY['pg_control_system()', 'pg_walfile_name(pg_lsn)', 'pg_current_wal_insert_lsn()']) f";

/// The database's part of the name; whether it tells who it is says [`DEPLOYMENT`].
pub(super) const fn database(known: bool) -> &'static str {
    if known {
        "SELECT system_identifier || '-' ||
                ltrim(left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), '0')
         FROM pg_control_system()"
    } else {
        "SELECT 'started-' || floor(extract(epoch FROM pg_postmaster_start_time()) * 1000)::bigint"
    }
}

/// The name, of both of its parts.
pub(super) fn join(database: &str, deployment: &str) -> String {
    format!("{database}-{deployment}")
}

/// The deployment's part of the name; none where the database was restored from a backup and nobody
/// gave it another name since.
pub(crate) async fn find_home(options: &PgConnectOptions) -> Result<Option<String>, StoreError> {
    let mut connection = options.connect().await?;
    let (name, ours): (String, bool) = statement::get(&mut connection, HOME, &[]).await?;
    connection.close().await?;
    Ok(ours.then_some(name))
}

/// Gives the log another name: the places that clients hold mean nothing in it. `false`,
/// and nothing is changed, while a lane holds a partition: it would go on with the old one.
/// A lane that takes one meanwhile waits for the row, and finds the new name there.
pub(crate) async fn rename(options: &PgConnectOptions, name: &str) -> Result<bool, StoreError> {
    let mut connection = options.connect().await?;
    let mut transaction = connection.begin().await?;
    let lock = "SELECT 1 FROM deployment FOR UPDATE";
    statement::execute(&mut *transaction, lock, &[]).await?;
    let sql = concat!(
        "UPDATE deployment SET epoch = $1, origin = 'deployment'::regclass::oid || '@' || ",
        target!(),
        " WHERE NOT EXISTS (
               SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid::int8 = $2
                  AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    );
    let renamed =
        statement::execute(&mut *transaction, sql, &[&name, &i64::from(LOCK_CLASS)]).await?;
    transaction.commit().await?;
    connection.close().await?;
    Ok(renamed > 0)
}
