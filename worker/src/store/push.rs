//! Pushes: rows that any worker claims, as it claims jobs, and what it notes of how they went.

use std::time::Duration;

use shared::ids::{Id, MessageId, PushDeviceId, UserId};
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
/// Rows of a table that one look for what is past goes through.
const SWEPT: i64 = 1_000;
/// As many attempts at one are counted to what takes its place: by then the wait is the longest, and there is much left until it is given up.
const MOST_INHERITED: i16 = 16;
/// Messages that a push knows to have taken the place of.
const MAX_REPLACED: i32 = 20;
/// As often pushes to a device have to have failed until it is taken for gone: two that failed a week apart say little.
const MIN_FAILURES: i32 = 10;

/// See [`Pushes::claim_pushes`]. What a newer one of the same topic takes the place of, or what a hundred others that are as urgent wait behind, is
/// claimed and said to be superseded; what tells of an older message of the topic goes.
const CLAIM: &str = "
    WITH due AS (
        SELECT p.id, w.count, row_number() OVER (PARTITION BY w.service ORDER BY CASE WHEN $6 THEN -u.urgency ELSE u.urgency END DESC, p.due) AS place
        FROM unnest($1::text[], $2::int8[]) AS w (service, count)
        CROSS JOIN unnest('{3,2,1,0}'::int2[]) AS u (urgency)
        CROSS JOIN LATERAL (
            SELECT id, due FROM pushes p
            WHERE service = w.service AND urgency = u.urgency AND due <= now()
                AND (lease = '-infinity' OR $5 AND lease <= now())
                AND NOT EXISTS (
                    SELECT FROM pushes other WHERE other.account = p.account AND other.device = p.device
                        AND other.lease > now())
                AND NOT EXISTS (
                    SELECT FROM pushes other WHERE other.account = p.account AND other.device = p.device
                        AND other.urgency > p.urgency AND other.due <= now())
                AND NOT EXISTS (
                    SELECT FROM pushes other WHERE other.account = p.account AND other.device = p.device
                        AND other.urgency = p.urgency AND other.id < p.id AND other.due <= now())
            ORDER BY due LIMIT w.count FOR UPDATE SKIP LOCKED) p),
    claimed AS (
        UPDATE pushes p SET lease = now() + $3 * interval '1 second', claim = claim + 1,
                            attempts = least(attempts, 1000) + 1
        FROM due WHERE p.id = due.id AND due.place <= due.count RETURNING p.*),
    older AS (
        DELETE FROM pushes WHERE id IN (
            SELECT p.id FROM claimed c JOIN pushes p ON p.account = c.account AND p.device = c.device AND p.topic = c.topic
            WHERE p.message < c.message AND p.lease <= now() FOR UPDATE OF p SKIP LOCKED))
    SELECT c.id, c.claim, c.attempts, c.service, c.body, c.topic, c.urgency, c.message, c.trace, c.ttl_s,
           extract(epoch FROM now() - c.made)::float8,
           EXISTS (SELECT FROM pushes later WHERE later.account = c.account AND later.device = c.device
                       AND later.topic = c.topic
                       AND (later.message > c.message OR c.message IS NULL AND later.id > c.id))
           OR EXISTS (SELECT FROM pushes later WHERE later.account = c.account AND later.device = c.device
                          AND later.id > c.id AND later.urgency >= c.urgency OFFSET $4 LIMIT 1),
           false, c.account, c.device, coalesce(d.endpoint, ''), coalesce(d.p256dh, ''), coalesce(d.auth, ''),
           coalesce(d.vapid, '')
    FROM claimed c LEFT JOIN push_on d ON d.account = c.account AND d.id = c.device";

/// The devices of accounts that pushes go to.
pub(super) const LIST_TOLD: &str =
    "SELECT account, id, service FROM push_on WHERE account = ANY($1) ORDER BY account, id";

/// The devices of an account as its list shows them, oldest first: without those whose address somebody else subscribed since.
pub(super) const LIST_DEVICES: &str =
    "SELECT d.id, d.name, f.since, coalesce(f.gone, false), d.is_off
    FROM push_devices d LEFT JOIN push_failures f ON f.account = d.account AND f.device = d.id
    WHERE d.account = $1 AND NOT EXISTS (
        SELECT FROM push_addresses later WHERE later.address = d.address AND later.device > d.id)
    ORDER BY d.id";

/// Leaves pushes. What tells of an older message than another one of its topic gives way to that, which takes its place, as soon and as
/// urgent, and tried as often: else each further message would shorten the wait for a service that is down; and none is tried before others to its device are. Of those that wait for one device already the most urgent and
/// newest hundred stay: a claim walks over what may not be sent yet.
pub(super) const INSERT: &str = "
    WITH w AS (
        SELECT DISTINCT ON (account, device, topic) *, array_remove(array_agg(message) OVER (
            PARTITION BY account, device, topic ORDER BY message DESC NULLS LAST ROWS BETWEEN 1 FOLLOWING AND $12 FOLLOWING), NULL) AS replaced
        FROM unnest($1::int8[], $2::int8[], $3::text[], $4::bytea[], $5::text[], $6::int2[], $7::int4[],
                    $8::int8[], $9::text[])
            AS w (account, device, service, body, topic, urgency, ttl_s, message, trace)
        ORDER BY account, device, topic, message DESC NULLS LAST),
    older AS (
        DELETE FROM pushes WHERE id IN (
            SELECT id FROM (
                SELECT p.id FROM w JOIN pushes p ON p.account = w.account AND p.device = w.device AND p.topic = w.topic
                WHERE (p.message < w.message OR p.message IS NULL AND w.message IS NULL) AND p.lease = '-infinity'
                ORDER BY p.id FOR UPDATE OF p SKIP LOCKED) replaced
            UNION ALL
            SELECT id FROM (SELECT DISTINCT account, device FROM w) d CROSS JOIN LATERAL (
                SELECT id FROM pushes p WHERE p.account = d.account AND p.device = d.device AND p.lease = '-infinity'
                ORDER BY urgency DESC, id DESC OFFSET $10 FOR UPDATE SKIP LOCKED) beyond)
        RETURNING account, device, topic, due, urgency, attempts, message, replaced),
    place AS (
        SELECT account, device, topic, min(due) AS due, max(urgency) AS urgency, max(attempts) AS attempts,
               array_agg(m ORDER BY m DESC) FILTER (WHERE m IS NOT NULL) AS replaced
        FROM older CROSS JOIN LATERAL unnest(replaced || message) m GROUP BY 1, 2, 3)
    INSERT INTO pushes (account, device, service, body, topic, urgency, ttl_s, message, trace, replaced, attempts, due)
    SELECT w.account, w.device, w.service, w.body, w.topic, greatest(w.urgency, o.urgency), w.ttl_s, w.message, w.trace,
           coalesce((w.replaced || o.replaced)[1:$12], '{}'), least(coalesce(o.attempts, 0), $11), greatest(least(now(), o.due), f.until)
    FROM w LEFT JOIN push_failures f ON f.account = w.account AND f.device = w.device
    LEFT JOIN place o ON o.account = w.account AND o.device = w.device AND o.topic = w.topic
    WHERE NOT EXISTS (SELECT FROM pushes p WHERE p.account = w.account AND p.device = w.device
                          AND p.topic = w.topic AND p.message > w.message)
    RETURNING id";

/// Lets pushes tell of the newest message that they took the place of: `p`, those of them that did. What they say then is asked for, as they
/// were tried before; nothing of it stays here.
macro_rules! fall_back {
    ($rest:literal) => {
        concat!(
            "UPDATE pushes p SET message = replaced[1], replaced = replaced[2:], body = '{}', trace = NULL,
                                 attempts = greatest(attempts, 1)",
            $rest,
            " AND replaced <> '{}'"
        )
    };
}

pub(super) use fall_back;

fn numbers_of(claims: &[PushClaim]) -> (Vec<i64>, Vec<i64>) {
    claims.iter().map(|claim| (claim.id, claim.number)).unzip()
}

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
    /// The message that it tells of, where it tells of one.
    pub(crate) message: Option<MessageId>,
    /// The trace parent of its cause.
    pub(crate) trace: Option<String>,
    /// For how many seconds it is worth something, and how many have passed.
    pub(crate) ttl_s: u32,
    pub(crate) age_s: f64,
    /// A newer one takes its place, or too many wait for the device.
    pub(crate) is_superseded: bool,
    /// What it tells of is not to be told any more: found out of one that is late.
    pub(crate) is_withdrawn: bool,
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

/// A push that is tried again.
#[derive(Debug)]
pub(crate) struct Postponement<'a> {
    pub(crate) push: &'a Push,
    pub(crate) wait: Duration,
    /// Next time without content.
    pub(crate) is_shortened: bool,
}

/// A push that did not arrive.
#[derive(Debug)]
pub(crate) struct PushFailure<'a> {
    pub(crate) target: &'a PushTarget,
    /// Its service does not know the device any more.
    pub(crate) is_gone: bool,
    /// How long others wait.
    pub(crate) wait: Duration,
}

/// A device that pushes go to.
#[derive(Debug, Clone)]
pub(crate) struct ToldDevice {
    pub(crate) account: UserId,
    pub(crate) device: PushDeviceId,
    pub(crate) service: String,
}

/// A push that is not stored yet.
#[derive(Debug, Clone)]
pub(crate) struct NewPush {
    pub(crate) device: ToldDevice,
    /// Bytes of JSON, at most 3,052; without any the browser is only woken.
    pub(crate) body: Vec<u8>,
    /// What replaces one that was not shown yet: at most 32 characters of base64url.
    pub(crate) topic: String,
    /// How soon the browser is to be woken, from 0 to 3.
    pub(crate) urgency: i16,
    /// For how many seconds it is worth something.
    pub(crate) ttl_s: u32,
    /// The message that it tells of, where it tells of one.
    pub(crate) message: Option<MessageId>,
    /// The trace parent of its cause.
    pub(crate) trace: Option<String>,
}

/// Pushes as [`INSERT`] takes them: for each column its values.
#[derive(Debug, Default)]
pub(super) struct NewPushColumns<'a> {
    accounts: Vec<UserId>,
    devices: Vec<PushDeviceId>,
    services: Vec<&'a str>,
    bodies: Vec<&'a [u8]>,
    topics: Vec<&'a str>,
    urgencies: Vec<i16>,
    ttls: Vec<i32>,
    messages: Vec<Option<i64>>,
    traces: Vec<Option<&'a str>>,
}

impl<'a> NewPushColumns<'a> {
    pub(super) fn new(pushes: &'a [NewPush]) -> Self {
        let mut columns = Self::default();
        for push in pushes {
            columns.accounts.push(push.device.account);
            columns.devices.push(push.device.device);
            columns.services.push(&push.device.service);
            columns.bodies.push(&push.body);
            columns.topics.push(&push.topic);
            columns.urgencies.push(push.urgency);
            columns.ttls.push(push.ttl_s.cast_signed());
            columns.messages.push(push.message.map(Id::sql));
            columns.traces.push(push.trace.as_deref());
        }
        columns
    }

    pub(super) fn parameters(&self) -> [&dyn Parameter; 12] {
        [
            &self.accounts,
            &self.devices,
            &self.services,
            &self.bodies,
            &self.topics,
            &self.urgencies,
            &self.ttls,
            &self.messages,
            &self.traces,
            &MAX_WAITING,
            &MOST_INHERITED,
            &MAX_REPLACED,
        ]
    }
}

/// What waits for a service.
#[derive(Debug)]
pub(crate) struct WaitingPushes {
    pub(crate) service: String,
    /// How long the oldest is overdue, in seconds; nothing where none is.
    pub(crate) overdue_s: Option<f64>,
}

columns! { PushClaim { id, number } }
columns! { ToldDevice { account, device, service } }
columns! { PushTarget { account, device, endpoint, p256dh, auth, vapid } }
columns! { Push {
    claim, attempts, service, body, topic, urgency, message, trace, ttl_s, age_s, is_superseded, is_withdrawn, target
} }
columns! { WaitingPushes { service, overdue_s } }

/// How far the look for what is past has come.
#[derive(Debug, Default)]
pub(crate) struct SweepPlace {
    push: i64,
    failure: (i64, i64),
    address: (Vec<u8>, i64),
}

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

    /// Claims pushes that are due: of each service as many as are said, the urgent ones first, or last where that is said, and
    /// then those that have been due longest, with those whose lease has lapsed where that is said. A device has one at a time, so that a wait that its
    /// service asks for holds for the next one, and none comes before an older one. The attempt is counted now, so that
    /// one that ends its worker is counted, too.
    pub(crate) async fn claim_pushes(
        &self,
        (services, counts): (&[&str], &[i64]),
        (with_lapsed, urgent_last): (bool, bool),
    ) -> Result<Vec<Push>, StoreError> {
        let most = MAX_WAITING - 1;
        let parameters: [&dyn Parameter; 6] = [
            &services,
            &counts,
            &LEASE,
            &most,
            &with_lapsed,
            &urgent_last,
        ];
        statement::list(&self.pool, CLAIM, &parameters).await
    }

    /// Forgets pushes that are done.
    pub(crate) async fn finish_pushes(&self, done: &[PushClaim]) -> Result<(), StoreError> {
        let (ids, numbers) = numbers_of(done);
        let sql = "DELETE FROM pushes p USING unnest($1::int8[], $2::int8[]) AS w (id, claim)
                   WHERE p.id = w.id AND p.claim = w.claim";
        statement::execute(&self.pool, sql, &[&ids, &numbers]).await?;
        Ok(())
    }

    /// Notes in the newer pushes of their topics that those took the place of these.
    pub(crate) async fn give_way(&self, superseded: &[PushClaim]) -> Result<(), StoreError> {
        let (ids, numbers) = numbers_of(superseded);
        let sql = "UPDATE pushes p SET replaced = ARRAY(
                       SELECT DISTINCT m FROM unnest(p.replaced || g.replaced || g.message) m ORDER BY m DESC LIMIT $3)
                   FROM unnest($1::int8[], $2::int8[]) AS w (id, number) JOIN pushes g ON g.id = w.id AND g.claim = w.number
                   WHERE p.account = g.account AND p.device = g.device AND p.topic = g.topic AND p.message > g.message";
        statement::execute(&self.pool, sql, &[&ids, &numbers, &MAX_REPLACED]).await?;
        Ok(())
    }

    /// Lets pushes that tell of nothing any more tell of what they took the place of, if there is such a thing; they are asked
    /// about then. The others are as they were.
    pub(crate) async fn fall_back(&self, withdrawn: &[PushClaim]) -> Result<(), StoreError> {
        let (ids, numbers) = numbers_of(withdrawn);
        let sql = fall_back!(
            ", claim = claim + 1, lease = '-infinity', due = now()
             FROM unnest($1::int8[], $2::int8[]) AS w (id, number) WHERE p.id = w.id AND p.claim = w.number"
        );
        statement::execute(&self.pool, sql, &[&ids, &numbers]).await?;
        Ok(())
    }

    /// Lets pushes wait, and with each whatever else waits for the same device; says less of one from now on that was too
    /// large.
    pub(crate) async fn postpone_pushes(
        &self,
        postponed: &[Postponement<'_>],
    ) -> Result<(), StoreError> {
        let pushes = || postponed.iter().map(|it| it.push);
        let accounts: Vec<UserId> = pushes().map(|push| push.target.account).collect();
        let devices: Vec<PushDeviceId> = pushes().map(|push| push.target.device).collect();
        let waits: Vec<f64> = postponed.iter().map(|it| it.wait.as_secs_f64()).collect();
        // The others first: as long as these are claimed, none of them is.
        let sql = "UPDATE pushes p SET due = now() + w.wait * interval '1 second'
                   FROM unnest($1::int8[], $2::int8[], $3::float8[]) AS w (account, device, wait)
                   WHERE w.wait > 0 AND p.account = w.account AND p.device = w.device AND p.lease <= now()
                       AND p.due < now() + w.wait * interval '1 second'";
        statement::execute(&self.pool, sql, &[&accounts, &devices, &waits]).await?;
        let ids: Vec<i64> = pushes().map(|push| push.claim.id).collect();
        let numbers: Vec<i64> = pushes().map(|push| push.claim.number).collect();
        let empty: Vec<bool> = postponed.iter().map(|it| it.is_shortened).collect();
        let sql = "UPDATE pushes p SET due = now() + w.wait * interval '1 second', lease = '-infinity',
                                       body = CASE WHEN w.empty THEN '' ELSE body END
                   FROM unnest($1::int8[], $2::int8[], $3::float8[], $4::bool[]) AS w (id, claim, wait, empty)
                   WHERE p.id = w.id AND p.claim = w.claim";
        statement::execute(&self.pool, sql, &[&ids, &numbers, &waits, &empty]).await?;
        Ok(())
    }

    /// Notes that pushes to devices failed, for the first time if the last one arrived or a day passed since, and that others wait so long; or
    /// that a device is gone. It is gone, too, once pushes have failed for that long, and not only now and then. Both times
    /// are in milliseconds, the first since 1970.
    pub(crate) async fn note_failures(
        &self,
        failures: &[PushFailure<'_>],
        (now_ms, patience_ms): (u64, u64),
    ) -> Result<(), StoreError> {
        let accounts: Vec<UserId> = failures.iter().map(|it| it.target.account).collect();
        let devices: Vec<PushDeviceId> = failures.iter().map(|it| it.target.device).collect();
        let waits: Vec<f64> = failures.iter().map(|it| it.wait.as_secs_f64()).collect();
        let gone: Vec<bool> = failures.iter().map(|it| it.is_gone).collect();
        let sql = "INSERT INTO push_failures AS f (account, device, since, gone, count, until)
                   SELECT account, device, $5, bool_or(gone), 1, now() + max(wait) * interval '1 second'
                   FROM unnest($1::int8[], $2::int8[], $3::float8[], $4::bool[]) AS w (account, device, wait, gone)
                   GROUP BY account, device ORDER BY account, device
                   ON CONFLICT (account, device) DO UPDATE
                       SET since = CASE WHEN f.until < now() - interval '1 day' THEN $5 ELSE f.since END,
                           count = CASE WHEN f.until < now() - interval '1 day' THEN 1 ELSE f.count + 1 END,
                           until = greatest(f.until, excluded.until),
                           gone = excluded.gone OR (f.since + $6 < $5 AND f.count + 1 >= $7
                                                    AND f.until >= now() - interval '1 day')
                       WHERE NOT f.gone";
        let parameters: [&dyn Parameter; 7] = [
            &accounts,
            &devices,
            &waits,
            &gone,
            &now_ms,
            &patience_ms,
            &MIN_FAILURES,
        ];
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
                       SELECT min(p.due) FROM unnest('{3,2,1,0}'::int2[]) AS u (urgency)
                       CROSS JOIN LATERAL (
                           SELECT due FROM pushes p
                           WHERE p.service = w.service AND p.urgency = u.urgency AND due <= now()
                           ORDER BY due LIMIT 1) p))::float8
                   FROM unnest($1::text[]) AS w (service)";
        statement::list(&self.pool, sql, &[&services]).await
    }

    /// Looks through the next rows for what is past, and deletes it: pushes that nobody is to get any more, as to a service
    /// that is in no list now, and what was noted of devices and addresses that are no more. Behind the last row
    /// it begins at the first.
    pub(crate) async fn sweep(&self, place: &mut SweepPlace) -> Result<(), StoreError> {
        let sql = "WITH page AS (SELECT id, lease <= now() AND made + ttl_s * interval '1 second' < now() - interval '1 hour' AS past
                                 FROM pushes WHERE id > $1 ORDER BY id LIMIT $2),
                        past AS (DELETE FROM pushes p USING page WHERE p.id = page.id AND page.past)
                   SELECT id FROM page ORDER BY id OFFSET $2 - 1";
        let next: Option<i64> = statement::find(&self.pool, sql, &[&place.push, &SWEPT]).await?;
        place.push = next.unwrap_or_default();
        let sql = "WITH page AS (SELECT account, device FROM push_failures WHERE (account, device) > ($1, $2)
                                 ORDER BY account, device LIMIT $3),
                        past AS (DELETE FROM push_failures f USING page p
                                 WHERE f.account = p.account AND f.device = p.device AND NOT EXISTS (
                                     SELECT FROM push_devices d WHERE d.account = p.account AND d.id = p.device))
                   SELECT account, device FROM page ORDER BY account, device OFFSET $3 - 1";
        let (account, device) = place.failure;
        let next: Option<(i64, i64)> =
            statement::find(&self.pool, sql, &[&account, &device, &SWEPT]).await?;
        place.failure = next.unwrap_or_default();
        let sql = "WITH page AS (SELECT address, device FROM push_addresses WHERE (address, device) > ($1, $2)
                                 ORDER BY address, device LIMIT $3),
                        past AS (DELETE FROM push_addresses a USING page p
                                 WHERE a.address = p.address AND a.device = p.device
                                     AND (NOT EXISTS (SELECT FROM push_devices d WHERE d.address = p.address)
                                          OR EXISTS (SELECT FROM push_addresses later
                                                     WHERE later.address = p.address AND later.device > p.device)))
                   SELECT address, device FROM page ORDER BY address, device OFFSET $3 - 1";
        let (address, device) = (&place.address.0, place.address.1);
        let next: Option<(Vec<u8>, i64)> =
            statement::find(&self.pool, sql, &[address, &device, &SWEPT]).await?;
        place.address = next.unwrap_or_default();
        Ok(())
    }

    /// Ends its connections.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests;
