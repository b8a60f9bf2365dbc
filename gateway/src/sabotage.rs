//! For tests only, and only in builds with the feature `sabotage`: a gateway that
//! breaks a promise, so that `loadtest verify` can be seen to find it.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use anyhow::bail;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sabotage {
    /// The first hole is not repaired.
    SkipRepair,
    /// Answers find their requests by the numbers that clients chose.
    ClientNumbers,
    /// Some events go out by the rights of another moment.
    OtherViews,
    /// The worker's part is broken; the gateway is sound.
    Elsewhere,
}

static CHOSEN: OnceLock<Sabotage> = OnceLock::new();
static SKIPPED: AtomicBool = AtomicBool::new(false);
static CHANGED: AtomicU64 = AtomicU64::new(0);
/// One in so many changes of rights moves nobody's view.
const KEPT: u64 = 3;

/// Reads `CONFAB_SABOTAGE`; without a name that is known the program must not start.
#[expect(
    clippy::disallowed_methods,
    reason = "no setting: it must not be in the reference of the configuration"
)]
pub fn arm() -> anyhow::Result<()> {
    let name = std::env::var("CONFAB_SABOTAGE").unwrap_or_default();
    let sabotage = match name.as_str() {
        "skip_repair" => Sabotage::SkipRepair,
        "client_numbers" => Sabotage::ClientNumbers,
        "other_views" => Sabotage::OtherViews,
        "ack_before_commit" | "forget_nonce" | "replace_token" => Sabotage::Elsewhere,
        other => bail!(
            "this build is broken on purpose, and CONFAB_SABOTAGE names nothing it knows: {other:?}"
        ),
    };
    tracing::error!(
        sabotage = name,
        "THIS BUILD BREAKS ITS PROMISES ON PURPOSE: never use it"
    );
    CHOSEN.get_or_init(|| sabotage);
    Ok(())
}

/// Whether this repair is the one that is passed over: the first one.
pub(crate) fn passes_over() -> bool {
    CHOSEN.get() == Some(&Sabotage::SkipRepair) && !SKIPPED.swap(true, Ordering::Relaxed)
}

/// The ticket of a command, which should be the gateway's own.
pub(crate) fn ticket(own: u64, of_the_client: u32) -> u64 {
    if CHOSEN.get() == Some(&Sabotage::ClientNumbers) {
        u64::from(of_the_client)
    } else {
        own
    }
}

/// Whether this change of rights moves nobody's view until the next one.
pub(crate) fn keeps_view() -> bool {
    CHOSEN.get() == Some(&Sabotage::OtherViews)
        && CHANGED.fetch_add(1, Ordering::Relaxed).is_multiple_of(KEPT)
}
