//! For tests only, and only in builds with the feature `sabotage`: a gateway that
//! breaks a promise, so that `loadtest verify` can be seen to find it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub use shared::sabotage::arm;
use shared::sabotage::{Sabotage, is_armed};

/// One in this many changes of rights moves nobody's view.
const KEPT: u64 = 3;

static SKIPPED: AtomicBool = AtomicBool::new(false);
static CHANGED: AtomicU64 = AtomicU64::new(0);

/// Whether this repair is the one that is passed over: the first one.
pub(crate) fn passes_over() -> bool {
    is_armed(Sabotage::SkipRepair) && !SKIPPED.swap(true, Ordering::Relaxed)
}

/// The ticket of a command, which should be the gateway's own.
pub(crate) fn ticket(own: u64, of_the_client: u32) -> u64 {
    if is_armed(Sabotage::ClientNumbers) {
        u64::from(of_the_client)
    } else {
        own
    }
}

/// Whether this change of rights moves nobody's view until the next one.
pub(crate) fn keeps_view() -> bool {
    is_armed(Sabotage::OtherViews) && CHANGED.fetch_add(1, Ordering::Relaxed).is_multiple_of(KEPT)
}
