//! For tests only, and only in builds with the feature `sabotage`: a worker that
//! breaks a promise, so that `loadtest verify` can be seen to find it.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use anyhow::bail;
use tracing::error;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sabotage {
    /// The reply leaves before the COMMIT.
    AckBeforeCommit,
    /// Some nonces are looked up in vain, and not kept.
    ForgetNonce,
    /// Who repeats a sign-in gets another token, and the first is dead.
    ReplaceToken,
    /// The gateway's part is broken; the worker is sound.
    Elsewhere,
}

/// One in this many nonces is forgotten.
const FORGOTTEN: u64 = 20;

static CHOSEN: OnceLock<Sabotage> = OnceLock::new();
static LOOKED_UP: AtomicU64 = AtomicU64::new(0);

/// Reads `CONFAB_SABOTAGE`; without a name that is known the program must not start.
#[expect(
    clippy::disallowed_methods,
    reason = "no setting: it must not be in the reference of the configuration"
)]
pub fn arm() -> anyhow::Result<()> {
    let name = std::env::var("CONFAB_SABOTAGE").unwrap_or_default();
    let sabotage = match name.as_str() {
        "ack_before_commit" => Sabotage::AckBeforeCommit,
        "forget_nonce" => Sabotage::ForgetNonce,
        "replace_token" => Sabotage::ReplaceToken,
        "skip_repair" | "client_numbers" | "other_views" => Sabotage::Elsewhere,
        other => bail!(
            "this build is broken on purpose, and CONFAB_SABOTAGE names nothing it knows: {other:?}"
        ),
    };
    error!(
        sabotage = name,
        "THIS BUILD BREAKS ITS PROMISES ON PURPOSE: never use it"
    );
    CHOSEN.get_or_init(|| sabotage);
    Ok(())
}

/// Whether replies leave before the COMMIT.
pub(crate) fn acknowledges_early() -> bool {
    CHOSEN.get() == Some(&Sabotage::AckBeforeCommit)
}

/// Whether this nonce is one of those that are forgotten.
pub(crate) fn forgets() -> bool {
    CHOSEN.get() == Some(&Sabotage::ForgetNonce)
        && LOOKED_UP
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(FORGOTTEN)
}

/// Whether a repeated sign-in replaces the token of the first.
pub(crate) fn replaces_token() -> bool {
    CHOSEN.get() == Some(&Sabotage::ReplaceToken)
}
