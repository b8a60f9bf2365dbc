//! The retention: the parts of the log, a day each, and of the nonces, a week each, are made
//! ahead and dropped later. Without today's part no lane could commit.

use std::time::Duration;

use shared::clock::Clock;
use tokio_util::sync::CancellationToken;

use crate::{
    day::Day,
    error::StoreError,
    store::{
        PgConnectOptions,
        retention::{DailyTables, Parent},
    },
};

/// How many days are made ahead: a weekend without any worker does no harm.
const AHEAD: i64 = 3;
/// How often the days are looked at when all went well.
const PERIOD: Duration = Duration::from_hours(1);
/// How soon they are looked at again when it did not.
const RETRY: Duration = Duration::from_secs(10);

/// Makes the daily tables ahead, and drops those past the retention.
#[derive(Clone)]
pub(crate) struct Retention {
    options: PgConnectOptions,
    clock: Clock,
    /// How many days before today are kept.
    kept_days: u16,
}

impl Retention {
    /// Days in the database of `options`, which must be a direct connection:
    /// an advisory lock belongs to it. At least one day before today is kept.
    pub(crate) fn new(options: PgConnectOptions, clock: Clock, kept_days: u16) -> Self {
        Self {
            options,
            clock,
            kept_days: kept_days.max(1),
        }
    }

    /// Looks at the days every hour until `stop`.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let pause = match self.roll().await {
                Ok(()) => PERIOD,
                Err(error) => {
                    tracing::warn!(%error, "the days could not be made or dropped");
                    RETRY
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Makes the days that are missing, then drops those past the retention.
    /// Workers do this one after the other, on a connection that ends with it.
    pub(crate) async fn roll(&self) -> Result<(), StoreError> {
        let mut tables = DailyTables::lock(&self.options).await?;
        let today = Day::of_ms(self.clock.now_ms());
        let result = self.roll_locked(&mut tables, today).await;
        tables.unlock().await;
        result
    }

    async fn roll_locked(&self, tables: &mut DailyTables, today: Day) -> Result<(), StoreError> {
        let mut found = tables.list_tables().await?;
        for parent in Parent::ALL {
            for day in (-1..=AHEAD).map(|ahead| today.plus(ahead)) {
                let holds = |day| found.iter().any(|table| table.holds(parent, day));
                if !holds(day) {
                    let next = (1..parent.days)
                        .map(|days| day.plus(days))
                        .find(|day| holds(*day));
                    found.push(tables.make_table(parent, day, next).await?);
                }
            }
        }
        let oldest = today.plus(-i64::from(self.kept_days));
        for table in found.iter().filter(|table| table.end <= oldest) {
            tables.drop_table(table).await?;
            tracing::info!("dropped {} of {}", table.day, table.parent);
        }
        tables.forget_names(oldest).await
    }
}
