//! The tables of single days. Nothing here takes a lock that a lane waits for:
//! a day is made as a table of its own and attached (SHARE UPDATE EXCLUSIVE on
//! the parent, where `CREATE TABLE … PARTITION OF` takes ACCESS EXCLUSIVE), and
//! detached concurrently before it is dropped.

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

use crate::{days::Day, error::StoreError};

/// One worker at a time: the number means nothing else.
const LOCK: i64 = 0x0063_6f6e_6661_6201;
/// Waiting for another worker or for autovacuum ends here; the caller tries again.
const SETTINGS: [(&str, &str); 2] = [("lock_timeout", "5s"), ("statement_timeout", "30s")];

/// The table of a day.
#[derive(Debug)]
pub(crate) struct DayTable {
    /// Whose partition it is.
    pub(crate) parent: &'static str,
    /// The day.
    pub(crate) day: Day,
    /// Whether it belongs to its parent: not, when a worker ended between
    /// detaching and dropping.
    pub(crate) attached: bool,
    /// Whether a worker ended while it was detaching.
    pending: bool,
}

impl DayTable {
    /// The tables that are parted by day.
    pub(crate) const PARENTS: [&'static str; 2] = ["events", "nonces"];

    fn name(&self) -> String {
        name(self.parent, self.day)
    }
}

fn name(parent: &str, day: Day) -> String {
    format!("{parent}_{}", day.compact())
}

/// The days in the database, locked against other workers.
pub(crate) struct Tables(PgConnection);

impl Tables {
    /// Connects and takes the lock; both end with the connection.
    pub(crate) async fn lock(options: &PgConnectOptions) -> Result<Self, StoreError> {
        let options = options.clone().options(SETTINGS);
        let mut connection = options.application_name("confab-days").connect().await?;
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(LOCK)
            .execute(&mut connection)
            .await?;
        Ok(Self(connection))
    }

    /// Gives the lock back.
    pub(crate) async fn unlock(self) {
        if let Err(error) = self.0.close().await {
            tracing::debug!(%error, "the connection of the days did not end well");
        }
    }

    /// The days there are, attached or left over.
    pub(crate) async fn list(&mut self) -> Result<Vec<DayTable>, StoreError> {
        let rows: Vec<(String, bool, bool)> = sqlx::query_as(
            "SELECT c.relname::text, i.inhrelid IS NOT NULL, coalesce(i.inhdetachpending, false)
             FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
             WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
               AND c.relname ~ '^(events|nonces)_[0-9]{8}$'
             ORDER BY c.relname",
        )
        .fetch_all(&mut self.0)
        .await?;
        let table = |(name, attached, pending): (String, bool, bool)| {
            let (parent, day) = name.split_once('_')?;
            Some(DayTable {
                parent: DayTable::PARENTS
                    .into_iter()
                    .find(|known| *known == parent)?,
                day: Day::parse(day)?,
                attached,
                pending,
            })
        };
        Ok(rows.into_iter().filter_map(table).collect())
    }

    /// Makes the table of a day and attaches it, both or neither.
    pub(crate) async fn make(&mut self, parent: &str, day: Day) -> Result<(), StoreError> {
        let name = name(parent, day);
        let mut transaction = self.0.begin().await?;
        for statement in [
            format!(
                "CREATE TABLE IF NOT EXISTS {name}
                 (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"
            ),
            format!(
                "ALTER TABLE {parent} ATTACH PARTITION {name}
                 FOR VALUES FROM ('{day}') TO ('{}')",
                day.plus(1)
            ),
        ] {
            // Both names are made of our own words and digits.
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Drops a day, from wherever an earlier attempt ended.
    pub(crate) async fn drop(&mut self, table: &DayTable) -> Result<(), StoreError> {
        let (parent, name) = (table.parent, table.name());
        if table.attached {
            let how = if table.pending {
                "FINALIZE"
            } else {
                "CONCURRENTLY"
            };
            self.execute(format!(
                "ALTER TABLE {parent} DETACH PARTITION {name} {how}"
            ))
            .await?;
        }
        self.execute(format!("DROP TABLE IF EXISTS {name}")).await
    }

    async fn execute(&mut self, statement: String) -> Result<(), StoreError> {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut self.0)
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use shared::clock::Clock;

    use crate::days::{Days, MS_PER_DAY};

    const NOON: u64 = 1_772_366_400_000;

    async fn days(pool: &sqlx::PgPool) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT relname::text FROM pg_class JOIN pg_inherits ON inhrelid = oid
             WHERE relkind = 'r' AND relname LIKE 'events_2%' ORDER BY 1",
        )
        .fetch_all(pool)
        .await
        .unwrap()
    }

    fn named(days: impl IntoIterator<Item = u32>) -> Vec<String> {
        days.into_iter()
            .map(|day| format!("events_{day}"))
            .collect()
    }

    #[tokio::test]
    async fn days_are_made_ahead_and_dropped_after_the_retention() {
        let options = crate::queries::tests::empty().await;
        let pool = crate::support::postgres::pool(options.clone()).await;
        let made = [20_260_228, 20_260_301, 20_260_302, 20_260_303, 20_260_304];
        assert_eq!(days(&pool).await, named(made));

        // Two workers at once, and again.
        let clock = Clock::manual(NOON);
        let one = Days::new(options.clone(), clock.clone(), 2);
        let (first, second) = tokio::join!(one.roll(), one.roll());
        first.unwrap();
        second.unwrap();
        assert_eq!(days(&pool).await, named(made));

        // Rows go to their day, while a lane holds a transaction open elsewhere.
        let insert = "INSERT INTO events (topic, seq, day, partition, position, opcode, body)
                      SELECT 1, n, date '2026-02-27' + n, 0, n, 16, '' FROM generate_series(1, 5) n";
        sqlx::query(insert).execute(&pool).await.unwrap();
        let mut reading = pool.begin().await.unwrap();
        sqlx::query("SELECT 1")
            .execute(&mut *reading)
            .await
            .unwrap();
        clock.set(NOON + 3 * MS_PER_DAY);
        one.roll().await.unwrap();
        assert_eq!(days(&pool).await, named(20_260_302..=20_260_307));
        drop(reading);
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM events")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(left, 3);
    }

    #[tokio::test]
    async fn what_an_interrupted_worker_left_is_finished() {
        let options = crate::queries::tests::empty().await;
        let pool = crate::support::postgres::pool(options.clone()).await;
        for left in [
            "CREATE TABLE events_20260305 (LIKE events)",
            "ALTER TABLE events DETACH PARTITION events_20260228",
            "CREATE TABLE nonces_2026 (LIKE nonces)",
        ] {
            sqlx::query(left).execute(&pool).await.unwrap();
        }
        let clock = Clock::manual(NOON + MS_PER_DAY);
        let days_of = Days::new(options, clock.clone(), 1);
        days_of.roll().await.unwrap();
        assert_eq!(days(&pool).await, named(20_260_301..=20_260_305));
        clock.set(NOON + 2 * MS_PER_DAY);
        days_of.roll().await.unwrap();
        let others: Vec<String> = sqlx::query_scalar(
            "SELECT relname::text FROM pg_class
             WHERE relname IN ('events_20260228', 'nonces_20260301', 'nonces_2026')",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        assert_eq!(others, ["nonces_2026"], "what is not ours stays");
    }
}
