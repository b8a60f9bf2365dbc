//! For tests only, and only in builds with the feature `sabotage`: a gateway that
//! breaks a promise, so that `loadtest verify` can be seen to find it.

use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use anyhow::bail;

static SKIPS: OnceLock<AtomicBool> = OnceLock::new();

/// Reads `CONFAB_SABOTAGE`; without a name that is known the program must not start.
#[expect(
    clippy::disallowed_methods,
    reason = "no setting: it must not be in the reference of the configuration"
)]
pub fn arm() -> anyhow::Result<()> {
    let name = std::env::var("CONFAB_SABOTAGE").unwrap_or_default();
    let skips = match name.as_str() {
        "skip_repair" => true,
        "ack_before_commit" | "forget_nonce" => false,
        other => bail!(
            "this build is broken on purpose, and CONFAB_SABOTAGE names nothing it knows: {other:?}"
        ),
    };
    tracing::error!(
        sabotage = name,
        "THIS BUILD BREAKS ITS PROMISES ON PURPOSE: never use it"
    );
    SKIPS.get_or_init(|| AtomicBool::new(skips));
    Ok(())
}

/// Whether this repair is the one that is passed over: the first one.
pub(crate) fn passes_over() -> bool {
    SKIPS
        .get()
        .is_some_and(|skips| skips.swap(false, Ordering::Relaxed))
}
