//! The devices of accounts that are told by web push, for who lists them.

use shared::{ids::UserId, protocol::push::PushDevice};

use super::Snapshot;
use crate::{error::StoreError, store::values::columns};

columns! { PushDevice { device_id, name, failing_since, gone, off } }

/// The devices of an account, oldest first: without those whose address somebody else subscribed since.
pub(crate) async fn list_devices(
    snapshot: &mut Snapshot,
    account: UserId,
) -> Result<Vec<PushDevice>, StoreError> {
    let sql = "SELECT d.id, d.name, f.since, coalesce(f.gone, false), d.is_off
               FROM push_devices d LEFT JOIN push_failures f ON f.account = d.account AND f.device = d.id
               WHERE d.account = $1 AND NOT EXISTS (
                   SELECT FROM push_addresses later WHERE later.address = d.address AND later.device > d.id)
               ORDER BY d.id";
    snapshot.list(sql, &[&account]).await
}

/// Whether pushes go to any device of an account.
pub(crate) async fn is_told(snapshot: &mut Snapshot, account: UserId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT FROM push_on WHERE account = $1)";
    Ok(snapshot.find(sql, &[&account]).await?.unwrap_or_default())
}
