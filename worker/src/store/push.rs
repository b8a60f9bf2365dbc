//! Pushes: rows that any worker claims, as it claims jobs, and what it notes of how they went.

use std::time::Duration;

use shared::ids::{PushDeviceId, UserId};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{
    statement,
    values::{Parameter, columns},
};
use crate::error::StoreError;

/// Claims and what became of them take turns.
const CONNECTIONS: u32 = 2;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// No look takes longer. A plan that was made when the table was small reads by index, too, as it is kept
/// while the table grows.
const SETTINGS: [(&str, &str); 4] = [
    ("enable_seqscan", "off"),
    ("jit", "off"),
    ("statement_timeout", "10s"),
    ("lock_timeout", "2s"),
];
/// How long a claim lasts, in seconds: three times as long as a request.
const LEASE: f64 = 30.0;
/// Pushes that wait for one device: older ones would only be in the way of these.
const MAX_WAITING: i64 = 100;
/// Rows that a look for what is past deletes.
const MAX_SWEPT: i64 = 1_000;

/// A push that this worker has until its lease ends.
#[derive(Debug)]
pub(crate) struct Push {
    pub(crate) claim: PushClaim,
    /// Times that it was claimed, with this one.
    pub(crate) attempts: i16,
    pub(crate) service: String,
    pub(crate) body: Vec<u8>,
    pub(crate) topic: Option<String>,
    pub(crate) urgency: i16,
    /// The trace parent of its cause.
    pub(crate) trace: Option<String>,
    /// For how many seconds it is worth something, and how many have passed.
    pub(crate) ttl_s: u32,
    pub(crate) age_s: f64,
    /// A newer one takes its place, or too many wait for the device.
    pub(crate) is_superseded: bool,
    pub(crate) target: PushTarget,
}

/// Names a claim: who lost it writes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PushClaim {
    id: i64,
    number: i64,
}

/// The device that a push is for. Of one that is told no more all but the ids is empty.
#[derive(Debug)]
pub(crate) struct PushTarget {
    pub(crate) account: UserId,
    pub(crate) device: PushDeviceId,
    pub(crate) endpoint: String,
    pub(crate) p256dh: Vec<u8>,
    pub(crate) auth: Vec<u8>,
    pub(crate) vapid: Vec<u8>,
}

/// What waits for a service.
#[derive(Debug)]
pub(crate) struct WaitingPushes {
    pub(crate) service: String,
    /// How long the oldest is overdue, in seconds; nothing where none is.
    pub(crate) overdue_s: Option<f64>,
}

columns! { PushClaim { id, number } }
columns! { PushTarget { account, device, endpoint, p256dh, auth, vapid } }
columns! { Push {
    claim, attempts, service, body, topic, urgency, trace, ttl_s, age_s, is_superseded, target
} }
columns! { WaitingPushes { service, overdue_s } }

/// The table of pushes. Clones share the connections.
#[derive(Debug, Clone)]
pub(crate) struct Pushes {
    pool: PgPool,
}

impl Pushes {
    /// Connects when it is first needed.
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        let options = options.options(SETTINGS).application_name("confab-push");
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Self { pool }
    }

    /// Claims the pushes that have been due longest: of each service as many as are said, with those whose
    /// lease has lapsed where that is said. The attempt is counted now, so that one that ends its worker
    /// is counted, too.
    pub(crate) async fn claim_pushes(
        &self,
        (services, counts): (&[&str], &[i64]),
        with_lapsed: bool,
    ) -> Result<Vec<Push>, StoreError> {
        let sql = "WITH due AS (
                       SELECT p.id FROM unnest($1::text[], $2::int8[]) AS w (service, count)
                       CROSS JOIN LATERAL (
                           SELECT id FROM pushes
                           WHERE service = w.service AND due <= now()
                               AND (lease = '-infinity' OR $5 AND lease <= now())
                           ORDER BY due LIMIT w.count FOR UPDATE SKIP LOCKED) p),
                   claimed AS (
                       UPDATE pushes p SET lease = now() + $3 * interval '1 second', claim = claim + 1,
                                           attempts = least(attempts, 1000) + 1
                       FROM due WHERE p.id = due.id RETURNING p.*)
                   SELECT c.id, c.claim, c.attempts, c.service, c.body, c.topic, c.urgency, c.trace, c.ttl_s,
                          extract(epoch FROM now() - c.made)::float8,
                          EXISTS (SELECT FROM pushes later WHERE later.account = c.account
                                  AND later.device = c.device AND later.id > c.id AND later.topic = c.topic)
                          OR EXISTS (SELECT FROM pushes later WHERE later.account = c.account
                                     AND later.device = c.device AND later.id > c.id
                                     ORDER BY later.id OFFSET $4 LIMIT 1),
                          c.account, c.device, coalesce(d.endpoint, ''), coalesce(d.p256dh, ''),
                          coalesce(d.auth, ''), coalesce(d.vapid, '')
                   FROM claimed c LEFT JOIN push_told d ON d.account = c.account AND d.id = c.device";
        let most = MAX_WAITING - 1;
        let parameters: [&dyn Parameter; 5] = [&services, &counts, &LEASE, &most, &with_lapsed];
        statement::list(&self.pool, sql, &parameters).await
    }

    /// Forgets pushes that are done.
    pub(crate) async fn finish_pushes(&self, done: &[PushClaim]) -> Result<(), StoreError> {
        let ids: Vec<i64> = done.iter().map(|claim| claim.id).collect();
        let numbers: Vec<i64> = done.iter().map(|claim| claim.number).collect();
        let sql = "DELETE FROM pushes p USING unnest($1::int8[], $2::int8[]) AS w (id, claim)
                   WHERE p.id = w.id AND p.claim = w.claim";
        statement::execute(&self.pool, sql, &[&ids, &numbers]).await?;
        Ok(())
    }

    /// Lets a push wait, and with it whatever else waits for the same device; says less of it from now on
    /// where it was too large.
    pub(crate) async fn postpone_push(
        &self,
        push: &Push,
        (wait, empty): (Duration, bool),
    ) -> Result<(), StoreError> {
        let sql = "UPDATE pushes SET due = now() + $3 * interval '1 second', lease = '-infinity',
                                     body = CASE WHEN $4 THEN '' ELSE body END
                   WHERE id = $1 AND claim = $2";
        let (claim, wait) = (push.claim, wait.as_secs_f64());
        let parameters: [&dyn Parameter; 4] = [&claim.id, &claim.number, &wait, &empty];
        statement::execute(&self.pool, sql, &parameters).await?;
        let sql = "UPDATE pushes SET due = now() + $3 * interval '1 second'
                   WHERE account = $1 AND device = $2 AND lease <= now()
                       AND due < now() + $3 * interval '1 second'";
        let (account, device) = (push.target.account, push.target.device);
        statement::execute(&self.pool, sql, &[&account, &device, &wait]).await?;
        Ok(())
    }

    /// Notes that pushes to a device fail, since now if they did not before, or that it is gone; it is gone,
    /// too, once they have failed for that long. Both times are in milliseconds, the first since 1970.
    pub(crate) async fn note_failure(
        &self,
        target: &PushTarget,
        gone: bool,
        (now_ms, patience_ms): (u64, u64),
    ) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO push_failures AS f (account, device, since, gone) VALUES ($1, $2, $3, $4)
                   ON CONFLICT (account, device) DO UPDATE
                       SET gone = f.gone OR $4 OR f.since + $5 < $3
                       WHERE NOT f.gone AND ($4 OR f.since + $5 < $3)";
        let (account, device) = (target.account, target.device);
        let parameters: [&dyn Parameter; 5] = [&account, &device, &now_ms, &gone, &patience_ms];
        statement::execute(&self.pool, sql, &parameters).await?;
        Ok(())
    }

    /// Notes that a push arrived at each of these devices.
    pub(crate) async fn note_arrival(
        &self,
        arrived: &[(UserId, PushDeviceId)],
    ) -> Result<(), StoreError> {
        let accounts: Vec<UserId> = arrived.iter().map(|(account, _)| *account).collect();
        let devices: Vec<PushDeviceId> = arrived.iter().map(|(_, device)| *device).collect();
        let sql = "DELETE FROM push_failures f USING unnest($1::int8[], $2::int8[]) AS w (account, device)
                   WHERE f.account = w.account AND f.device = w.device AND NOT f.gone";
        statement::execute(&self.pool, sql, &[&accounts, &devices]).await?;
        Ok(())
    }

    /// How long the oldest push to each service is overdue.
    pub(crate) async fn list_waiting(
        &self,
        services: &[&str],
    ) -> Result<Vec<WaitingPushes>, StoreError> {
        let sql = "SELECT service, extract(epoch FROM now() - (
                       SELECT due FROM pushes p WHERE p.service = w.service AND due <= now()
                       ORDER BY due LIMIT 1))::float8
                   FROM unnest($1::text[]) AS w (service)";
        statement::list(&self.pool, sql, &[&services]).await
    }

    /// Deletes pushes that nobody is to get any more, as to a service that is in no list now, and what was
    /// noted of devices and addresses that are no more.
    pub(crate) async fn sweep(&self) -> Result<(), StoreError> {
        let sql = "DELETE FROM pushes WHERE id IN (
                       SELECT id FROM pushes WHERE made + ttl_s * interval '1 second' < now() - interval '1 hour'
                           AND lease <= now() ORDER BY id LIMIT $1)";
        statement::execute(&self.pool, sql, &[&MAX_SWEPT]).await?;
        let sql = "DELETE FROM push_failures f WHERE NOT EXISTS (
                       SELECT FROM push_devices d WHERE d.account = f.account AND d.id = f.device)";
        statement::execute(&self.pool, sql, &[]).await?;
        let sql = "DELETE FROM push_addresses a
                   WHERE NOT EXISTS (SELECT FROM push_devices d WHERE d.address = a.address)
                       OR EXISTS (SELECT FROM push_addresses later
                                  WHERE later.address = a.address AND later.device > a.device)";
        statement::execute(&self.pool, sql, &[]).await?;
        Ok(())
    }

    /// Ends its connections.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests;
