//! For tests only, and only in builds with the feature `sabotage`: a worker that
//! breaks a promise, so that `loadtest verify` can be seen to find it.

use std::sync::atomic::{AtomicU64, Ordering};

pub use shared::sabotage::arm;
use shared::sabotage::{Sabotage, is_armed};

/// One in this many nonces is forgotten.
const FORGOTTEN: u64 = 20;

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
