//! The tables of a day, or of a week. Nothing here takes a lock that a lane waits for:
//! one is made as a table of its own and attached (SHARE UPDATE EXCLUSIVE on
//! the parent, where `CREATE TABLE … PARTITION OF` takes ACCESS EXCLUSIVE), and
//! detached concurrently before it is dropped.

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

use super::enqueue;
use crate::{day::Day, error::StoreError};

/// One worker at a time: the number means nothing else.
const LOCK: i64 = 0x0063_6f6e_6661_6201;
/// Waiting for another worker or for autovacuum ends here; the caller tries again.
const SETTINGS: [(&str, &str); 2] = [("lock_timeout", "5s"), ("statement_timeout", "30s")];

/// A table that is parted by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parent {
    name: &'static str,
    /// How many days its parts have.
    pub(crate) days: i64,
}

impl Parent {
    /// The log goes by days: that is how exactly its retention is kept. A look-up of a nonce
    /// reads all parts, so there are two or three of a week each; parts of a day were made by
    /// programs before.
    pub(crate) const ALL: [Self; 2] = [
        Self {
            name: "events",
            days: 1,
        },
        Self {
            name: "nonces",
            days: WEEK,
        },
    ];
}

const WEEK: i64 = 7;
/// Parts of a week say so in their names: programs that know only days leave them alone.
const OF_A_WEEK: &str = "week_";

/// Rows that one statement forgets, and how many of them there are in an hour at most.
const NAMES: u64 = 10_000;
const MAX_NAME_SLICES: u32 = 1_000;

/// A part of a table.
#[derive(Debug)]
pub(crate) struct DayTable {
    /// Whose part it is.
    pub(crate) parent: &'static str,
    /// Its first day.
    pub(crate) day: Day,
    /// The first day that it does not hold.
    pub(crate) end: Day,
    /// Whether its name is that of a week, though it may be shorter.
    week: bool,
    /// Whether it belongs to its parent: not, when a worker ended between
    /// detaching and dropping.
    pub(crate) attached: bool,
    /// Whether a worker ended while it was detaching.
    pending: bool,
}

impl DayTable {
    /// Whether it is the part of a parent that takes a day.
    pub(crate) fn holds(&self, parent: Parent, day: Day) -> bool {
        self.attached && self.parent == parent.name && self.day <= day && day < self.end
    }

    fn name(&self) -> String {
        let kind = if self.week { OF_A_WEEK } else { "" };
        format!("{}_{kind}{}", self.parent, self.day.compact())
    }

    fn parse(name: &str) -> Option<Self> {
        let (parent, rest) = name.split_once('_')?;
        let parent = Parent::ALL.into_iter().find(|known| known.name == parent)?;
        let (days, day) = rest
            .strip_prefix(OF_A_WEEK)
            .map_or((1, rest), |day| (WEEK, day));
        let day = Day::parse(day)?;
        Some(Self {
            parent: parent.name,
            day,
            end: day.plus(days),
            week: days == WEEK,
            attached: false,
            pending: false,
        })
    }
}

/// The days in the database, locked against other workers.
pub(crate) struct DailyTables(PgConnection);

impl DailyTables {
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
    pub(crate) async fn list_tables(&mut self) -> Result<Vec<DayTable>, StoreError> {
        let rows: Vec<(String, bool, bool, Option<String>)> = sqlx::query_as(
            "SELECT c.relname::text, i.inhrelid IS NOT NULL, coalesce(i.inhdetachpending, false),
                    replace(substring(pg_get_expr(c.relpartbound, c.oid) FROM $$TO \\('([-0-9]{10})'$$), '-', '')
             FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
             WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
               AND c.relname ~ '^(events|nonces)_(week_)?[0-9]{8}$'
             ORDER BY c.relname",
        )
        .fetch_all(&mut self.0)
        .await?;
        let table = |(name, attached, pending, end): (String, bool, bool, Option<String>)| {
            let named = DayTable::parse(&name)?;
            Some(DayTable {
                attached,
                pending,
                end: end.and_then(|end| Day::parse(&end)).unwrap_or(named.end),
                ..named
            })
        };
        Ok(rows.into_iter().filter_map(table).collect())
    }

    /// Makes the part of `parent` that begins with a day and ends before `end`, if not sooner,
    /// and attaches it, both or neither.
    pub(crate) async fn make_table(
        &mut self,
        parent: Parent,
        day: Day,
        end: Option<Day>,
    ) -> Result<DayTable, StoreError> {
        let whole = day.plus(parent.days);
        let end = end.map_or(whole, |end| end.min(whole));
        let table = DayTable {
            parent: parent.name,
            day,
            end,
            week: parent.days == WEEK,
            attached: true,
            pending: false,
        };
        let (name, parent) = (table.name(), parent.name);
        let mut transaction = self.0.begin().await?;
        for statement in [
            format!(
                "CREATE TABLE IF NOT EXISTS {name}
                 (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)"
            ),
            format!(
                "ALTER TABLE {parent} ATTACH PARTITION {name}
                 FOR VALUES FROM ('{day}') TO ('{end}')"
            ),
        ] {
            // Both names are made of our own words and digits.
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(table)
    }

    /// Drops a table, from wherever an earlier attempt ended.
    pub(crate) async fn drop_table(&mut self, table: &DayTable) -> Result<(), StoreError> {
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

    /// Forgets where names were told in the log before a day: what is dropped holds none.
    pub(crate) async fn forget_names(&mut self, oldest: Day) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM told_names WHERE (account, topic, seq) IN
                 (SELECT account, topic, seq FROM told_names WHERE day < '{oldest}' LIMIT {NAMES})"
        );
        for _ in 0..MAX_NAME_SLICES {
            let statement = sqlx::raw_sql(AssertSqlSafe(sql.clone()));
            if statement.execute(&mut self.0).await?.rows_affected() < NAMES {
                break;
            }
        }
        Ok(())
    }

    /// Forgets which names were given up, where it is long enough ago.
    pub(crate) async fn free_names(&mut self) -> Result<(), StoreError> {
        let now = "extract(epoch FROM now()) * 1000";
        self.execute(format!("DELETE FROM held_names WHERE until <= {now}"))
            .await
    }

    /// Leaves a job of this kind, unless there is one already that goes on by itself.
    pub(crate) async fn enqueue_once(&mut self, kind: &str, body: &[u8]) -> Result<(), StoreError> {
        enqueue::enqueue_once(&mut self.0, kind, body).await
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

    use crate::{
        day::MS_PER_DAY,
        fixture::{NOW as NOON, database_and_pool},
        retention::Retention,
    };

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
        let (options, pool) = database_and_pool().await;
        let made = [20_260_228, 20_260_301, 20_260_302, 20_260_303, 20_260_304];
        assert_eq!(days(&pool).await, named(made));

        // Two workers at once, and again.
        let clock = Clock::manual(NOON);
        let one = Retention::new(options.clone(), clock.clone(), 2);
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
        let (options, pool) = database_and_pool().await;
        for left in [
            "CREATE TABLE events_20260305 (LIKE events)",
            "ALTER TABLE events DETACH PARTITION events_20260228",
            "CREATE TABLE nonces_2026 (LIKE nonces)",
        ] {
            sqlx::query(left).execute(&pool).await.unwrap();
        }
        let clock = Clock::manual(NOON + MS_PER_DAY);
        let days_of = Retention::new(options, clock.clone(), 1);
        days_of.roll().await.unwrap();
        assert_eq!(days(&pool).await, named(20_260_301..=20_260_305));
        clock.set(NOON + 2 * MS_PER_DAY);
        days_of.roll().await.unwrap();
        let others: Vec<String> = sqlx::query_scalar(
            "SELECT relname::text FROM pg_class
             WHERE relname IN ('events_20260228', 'nonces_2026')",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        assert_eq!(others, ["nonces_2026"], "what is not ours stays");
    }

    /// The parts of the nonces and their bounds.
    async fn parts(pool: &sqlx::PgPool) -> Vec<(String, String)> {
        sqlx::query_as(
            "SELECT relname::text, pg_get_expr(relpartbound, oid) FROM pg_class
             JOIN pg_inherits ON inhrelid = oid
             WHERE relkind = 'r' AND inhparent = 'nonces'::regclass
             ORDER BY right(relname, 8)",
        )
        .fetch_all(pool)
        .await
        .unwrap()
    }

    #[tokio::test]
    async fn nonces_are_kept_for_the_retention_in_three_tables_at_most() {
        let (options, pool) = database_and_pool().await;
        let clock = Clock::manual(NOON);
        let days_of = Retention::new(options, clock.clone(), 7);
        for day in 0..40_i32 {
            clock.set(NOON + u64::from(day.cast_unsigned()) * MS_PER_DAY);
            days_of.roll().await.unwrap();
            let put = "INSERT INTO nonces SELECT 1, 1, $1::text, date '2026-03-01' + $1, '', ''";
            sqlx::query(put).bind(day).execute(&pool).await.unwrap();
            let kept: Vec<String> =
                sqlx::query_scalar("SELECT nonce FROM nonces ORDER BY nonce::int")
                    .fetch_all(&pool)
                    .await
                    .unwrap();
            for age in 0..=7.min(day) {
                assert!(kept.contains(&(day - age).to_string()), "{day}: {kept:?}");
            }
            assert!(kept.len() <= 15, "{day}: {kept:?}");
            assert!(parts(&pool).await.len() <= 3, "{day}");
        }
    }

    #[tokio::test]
    async fn weeks_begin_where_the_days_of_an_older_program_end() {
        let (options, pool) = database_and_pool().await;
        let older = "DROP TABLE nonces_week_20260228;
            CREATE TABLE nonces_20260301 PARTITION OF nonces FOR VALUES FROM ('2026-03-01') TO ('2026-03-02');
            CREATE TABLE nonces_20260302 PARTITION OF nonces FOR VALUES FROM ('2026-03-02') TO ('2026-03-03');
            CREATE TABLE nonces_20260306 PARTITION OF nonces FOR VALUES FROM ('2026-03-06') TO ('2026-03-07');
            INSERT INTO nonces VALUES (1, 1, 'old', '2026-03-02', '', '')";
        sqlx::raw_sql(older).execute(&pool).await.unwrap();
        let clock = Clock::manual(NOON + 2 * MS_PER_DAY);
        let days_of = Retention::new(options, clock.clone(), 7);
        days_of.roll().await.unwrap();
        days_of.roll().await.unwrap();
        let bounds: Vec<String> = parts(&pool).await.into_iter().map(|part| part.1).collect();
        let week = "FOR VALUES FROM ('2026-03-03') TO ('2026-03-06')";
        assert_eq!(bounds.get(2).map(String::as_str), Some(week), "{bounds:?}");
        assert_eq!(bounds.len(), 4, "{bounds:?}");
        clock.set(NOON + 8 * MS_PER_DAY);
        days_of.roll().await.unwrap();
        let names: Vec<String> = parts(&pool).await.into_iter().map(|part| part.0).collect();
        let expected = [
            "nonces_20260302",
            "nonces_week_20260303",
            "nonces_20260306",
            "nonces_week_20260308",
        ];
        assert_eq!(names, expected);
    }
}
