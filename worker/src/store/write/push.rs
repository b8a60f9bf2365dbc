//! The devices of accounts that are told by web push, and what they are to be told.

use shared::{
    ids::{PushDeviceId, SessionId, UserId},
    protocol::push::PushDevice,
};

use super::{Reads, Writes};
use crate::{
    error::StoreError,
    store::{
        push::{INSERT, LIST_DEVICES, LIST_TOLD, NewPush, NewPushColumns, ToldDevice},
        values::Parameter,
    },
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

/// How many devices the account has, besides that at an address.
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
) -> Result<Vec<ToldDevice>, StoreError> {
    reads.list(LIST_TOLD, &[&[account].as_slice()]).await
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

/// Deletes those that others have by now, or that their push service does not know.
pub(crate) async fn delete_gone(
    writes: &mut Writes<'_>,
    account: UserId,
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM push_devices d WHERE account = $1 AND NOT EXISTS (
                   SELECT FROM push_told t WHERE t.account = $1 AND t.id = d.id)
               RETURNING id";
    writes.execute(sql, &[&account]).await
}

/// Stores a device, in place of the one of the account at the same address; who had that before has it no more. Answers
/// whether it is switched off: it is as that was.
pub(crate) async fn insert_device(
    writes: &mut Writes<'_>,
    device: &NewPushDevice<'_>,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO push_devices
                   (account, id, session, endpoint, address, p256dh, auth, vapid, service, name)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
               ON CONFLICT (account, address) DO UPDATE SET id = excluded.id, session = excluded.session,
                   p256dh = excluded.p256dh, auth = excluded.auth, vapid = excluded.vapid,
                   service = excluded.service, name = excluded.name
               RETURNING is_off";
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
    let off: Vec<bool> = writes.list(sql, &parameters).await?;
    let sql = "INSERT INTO push_addresses (address, device) VALUES ($1, $2) RETURNING device";
    writes.execute(sql, &[&device.address, &device.id]).await?;
    Ok(off.first().copied().unwrap_or_default())
}

/// A device of the account that nobody else has by now, as its list shows it.
pub(crate) async fn find_device(
    reads: Reads<'_>,
    account: UserId,
    id: PushDeviceId,
) -> Result<Option<PushDevice>, StoreError> {
    let devices: Vec<PushDevice> = reads.list(LIST_DEVICES, &[&account]).await?;
    Ok(devices.into_iter().find(|device| device.device_id == id))
}

/// Switches a device off or on.
pub(crate) async fn switch_device(
    writes: &mut Writes<'_>,
    (account, id): (UserId, PushDeviceId),
    off: bool,
) -> Result<usize, StoreError> {
    let sql = "UPDATE push_devices SET is_off = $3 WHERE account = $1 AND id = $2 RETURNING id";
    writes.execute(sql, &[&account, &id, &off]).await
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

/// Leaves pushes.
pub(crate) async fn insert_pushes(
    writes: &mut Writes<'_>,
    pushes: &[NewPush],
) -> Result<usize, StoreError> {
    let columns = NewPushColumns::new(pushes);
    writes.execute(INSERT, &columns.parameters()).await
}
