//! For tests only, and only in builds with the feature `sabotage`: a worker that
//! breaks a promise, so that `loadtest verify` can be seen to find it.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

pub use shared::sabotage::arm;
use shared::{
    domain::permissions::Permissions,
    ids::UserId,
    sabotage::{Sabotage, is_armed},
};

/// One in this many nonces is forgotten.
const FORGOTTEN: u64 = 20;

/// One in this many cursors that were moved is lost.
const LOST: u64 = 10;
/// So long a query goes by what it once knew.
const OLDER: Duration = Duration::from_secs(5);

static MOVED: AtomicU64 = AtomicU64::new(0);
static KNOWN: Mutex<BTreeMap<(UserId, u64), (Instant, Permissions)>> = Mutex::new(BTreeMap::new());
static LOOKED_UP: AtomicU64 = AtomicU64::new(0);

/// Whether replies leave before the COMMIT.
pub(crate) fn acknowledges_early() -> bool {
    is_armed(Sabotage::AckBeforeCommit)
}

/// Whether this nonce is one of those that are forgotten.
pub(crate) fn forgets() -> bool {
    is_armed(Sabotage::ForgetNonce)
        && LOOKED_UP
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(FORGOTTEN)
}

/// Whether a repeated sign-in replaces the token of the first.
pub(crate) fn replaces_token() -> bool {
    is_armed(Sabotage::ReplaceToken)
}

/// Whether each worker counts limits by itself.
pub(crate) fn counts_alone() -> bool {
    is_armed(Sabotage::CountAlone)
}

/// Whether nobody is refused while Redis does not count.
pub(crate) fn opens_door() -> bool {
    is_armed(Sabotage::OpenDoor)
}

/// Whether this cursor is one of those that are lost.
pub(crate) fn loses_cursor() -> bool {
    is_armed(Sabotage::LoseCursor) && MOVED.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOST)
}

/// What somebody may do in a channel, or could some seconds ago.
pub(crate) fn older_rights(user: UserId, channel: u64, held: Permissions) -> Permissions {
    if !is_armed(Sabotage::OlderRights) {
        return held;
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    let (_, older) = *known
        .entry((user, channel))
        .and_modify(|(since, older)| {
            if since.elapsed() > OLDER {
                (*since, *older) = (now, held);
            }
        })
        .or_insert((now, held));
    older
}
