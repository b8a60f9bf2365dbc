//! The devices of accounts that are told by web push, and what they are to be told.

use shared::ids::{PushDeviceId, SessionId, UserId};

use super::{Reads, Writes};
use crate::{
    error::StoreError,
    store::values::{Parameter, columns},
};

/// A device that is not stored yet.
#[derive(Debug)]
pub(crate) struct NewPushDevice<'a> {
    pub(crate) account: UserId,
    pub(crate) id: PushDeviceId,
    pub(crate) session: SessionId,
    pub(crate) endpoint: &'a str,
    /// The SHA-256 of that.
    pub(crate) address: &'a [u8],
    pub(crate) p256dh: &'a [u8],
    pub(crate) auth: &'a [u8],
    pub(crate) vapid: &'a [u8],
    pub(crate) service: &'a str,
    pub(crate) name: &'a str,
}

/// A device that somebody has told.
#[derive(Debug, Clone)]
pub(crate) struct KnownPushDevice {
    pub(crate) id: PushDeviceId,
    pub(crate) service: String,
}

columns! { KnownPushDevice { id, service } }

/// What devices are told, and how.
#[derive(Debug)]
pub(crate) struct NewPush<'a> {
    /// Bytes of JSON, at most 3,052; without any the browser is only woken.
    pub(crate) body: &'a [u8],
    /// What replaces one that was not shown yet: at most 32 characters of base64url.
    pub(crate) topic: Option<&'a str>,
    /// How soon the browser is to be woken, from 0 to 3.
    pub(crate) urgency: i16,
    /// For how many seconds it is worth something.
    pub(crate) ttl_s: u32,
    /// The trace parent of its cause.
    pub(crate) trace: Option<String>,
}

/// How many devices of the account are told, besides that at an address.
pub(crate) async fn count_others(
    reads: Reads<'_>,
    account: UserId,
    address: &[u8],
) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM push_told WHERE account = $1 AND address <> $2";
    Ok(reads
        .find(sql, &[&account, &address])
        .await?
        .unwrap_or_default())
}

/// The devices of an account that pushes go to.
pub(crate) async fn list_devices(
    reads: Reads<'_>,
    account: UserId,
) -> Result<Vec<KnownPushDevice>, StoreError> {
    let sql = "SELECT id, service FROM push_told WHERE account = $1 ORDER BY id";
    reads.list(sql, &[&account]).await
}

/// Whether the account has a device with this id, or at this address.
pub(crate) async fn has_device(
    reads: Reads<'_>,
    account: UserId,
    (id, address): (Option<PushDeviceId>, Option<&[u8]>),
) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM push_devices WHERE account = $1 AND (id = $2 OR address = $3)";
    let found: Option<PushDeviceId> = reads.find(sql, &[&account, &id, &address]).await?;
    Ok(found.is_some())
}

/// Deletes those that are told no more.
pub(crate) async fn delete_gone(
    writes: &mut Writes<'_>,
    account: UserId,
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM push_devices d WHERE account = $1 AND NOT EXISTS (
                   SELECT FROM push_told t WHERE t.account = $1 AND t.id = d.id)
               RETURNING id";
    writes.execute(sql, &[&account]).await
}

/// Stores a device, in place of the one of the account at the same address; who had that before has it no more.
pub(crate) async fn insert_device(
    writes: &mut Writes<'_>,
    device: &NewPushDevice<'_>,
) -> Result<usize, StoreError> {
    let sql = "INSERT INTO push_devices
                   (account, id, session, endpoint, address, p256dh, auth, vapid, service, name)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
               ON CONFLICT (account, address) DO UPDATE SET id = excluded.id, session = excluded.session,
                   p256dh = excluded.p256dh, auth = excluded.auth, vapid = excluded.vapid,
                   service = excluded.service, name = excluded.name
               RETURNING id";
    let parameters: [&dyn Parameter; 10] = [
        &device.account,
        &device.id,
        &device.session,
        &device.endpoint,
        &device.address,
        &device.p256dh,
        &device.auth,
        &device.vapid,
        &device.service,
        &device.name,
    ];
    writes.execute(sql, &parameters).await?;
    let sql = "INSERT INTO push_addresses (address, device) VALUES ($1, $2) RETURNING device";
    writes.execute(sql, &[&device.address, &device.id]).await
}

/// Deletes a device of the account by its id, or by its address.
pub(crate) async fn delete_device(
    writes: &mut Writes<'_>,
    account: UserId,
    (id, address): (Option<PushDeviceId>, Option<&[u8]>),
) -> Result<usize, StoreError> {
    let sql =
        "DELETE FROM push_devices WHERE account = $1 AND (id = $2 OR address = $3) RETURNING id";
    writes.execute(sql, &[&account, &id, &address]).await
}

/// Has each of these devices of an account told.
pub(crate) async fn enqueue_pushes(
    writes: &mut Writes<'_>,
    (account, devices): (UserId, &[KnownPushDevice]),
    push: &NewPush<'_>,
) -> Result<usize, StoreError> {
    let ids: Vec<PushDeviceId> = devices.iter().map(|device| device.id).collect();
    let services: Vec<&str> = devices
        .iter()
        .map(|device| device.service.as_str())
        .collect();
    let sql = "INSERT INTO pushes (account, device, service, body, topic, urgency, ttl_s, trace)
               SELECT $1, w.device, w.service, $4, $5, $6, $7, $8
               FROM unnest($2::int8[], $3::text[]) AS w (device, service)
               RETURNING id";
    let parameters: [&dyn Parameter; 8] = [
        &account,
        &ids,
        &services,
        &push.body,
        &push.topic,
        &push.urgency,
        &push.ttl_s,
        &push.trace,
    ];
    writes.execute(sql, &parameters).await
}
