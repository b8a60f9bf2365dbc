//! The devices of accounts that are told by web push, for who lists them.

use shared::{ids::UserId, protocol::push::PushDevice};

use super::Snapshot;
use crate::{
    error::StoreError,
    store::{push::LIST_DEVICES, values::columns},
};

columns! { PushDevice { device_id, name, failing_since, gone, off } }

/// The devices of an account, oldest first.
pub(crate) async fn list_devices(
    snapshot: &mut Snapshot,
    account: UserId,
) -> Result<Vec<PushDevice>, StoreError> {
    snapshot.list(LIST_DEVICES, &[&account]).await
}

/// Whether pushes go to any device of an account.
pub(crate) async fn is_told(snapshot: &mut Snapshot, account: UserId) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT FROM push_on WHERE account = $1)";
    Ok(snapshot.find(sql, &[&account]).await?.unwrap_or_default())
}
