//! For tests only, and only in builds with the feature `sabotage`: a promise that a program
//! breaks, so that `loadtest verify` can be seen to find it. The program that a fault is not
//! in stays sound.

use std::sync::OnceLock;

use tracing::error;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Worker: the reply leaves before the COMMIT.
    AckBeforeCommit,
    /// Worker: some nonces are looked up in vain, and not kept.
    ForgetNonce,
    /// Worker: who repeats a sign-in gets another token, and the first is dead.
    ReplaceToken,
    /// Worker: nothing is counted for all workers together.
    CountAlone,
    /// Worker: while Redis does not count, nobody does.
    OpenDoor,
    /// Worker: some cursors that were moved are not kept.
    LoseCursor,
    /// Worker: queries go by rights that may be some seconds old.
    OlderRights,
    /// Gateway: the first hole is not repaired.
    SkipRepair,
    /// Gateway: answers find their requests by the numbers that clients chose.
    ClientNumbers,
    /// Gateway: some events go out by the rights of another moment.
    OtherViews,
}

/// The name in `CONFAB_SABOTAGE` is none of the list.
#[derive(Debug, thiserror::Error)]
#[error("this build is broken on purpose, and CONFAB_SABOTAGE names nothing it knows: {0:?}")]
pub struct UnknownSabotage(String);

static CHOSEN: OnceLock<Sabotage> = OnceLock::new();

/// Reads `CONFAB_SABOTAGE`; without a name that is known the program must not start.
#[expect(
    clippy::disallowed_methods,
    reason = "no setting: it must not be in the reference of the configuration"
)]
pub fn arm() -> Result<(), UnknownSabotage> {
    let name = std::env::var("CONFAB_SABOTAGE").unwrap_or_default();
    let sabotage = match name.as_str() {
        "ack_before_commit" => Sabotage::AckBeforeCommit,
        "forget_nonce" => Sabotage::ForgetNonce,
        "replace_token" => Sabotage::ReplaceToken,
        "count_alone" => Sabotage::CountAlone,
        "open_door" => Sabotage::OpenDoor,
        "lose_cursor" => Sabotage::LoseCursor,
        "older_rights" => Sabotage::OlderRights,
        "skip_repair" => Sabotage::SkipRepair,
        "client_numbers" => Sabotage::ClientNumbers,
        "other_views" => Sabotage::OtherViews,
        _ => return Err(UnknownSabotage(name)),
    };
    error!(
        sabotage = name,
        "THIS BUILD BREAKS ITS PROMISES ON PURPOSE: never use it"
    );
    CHOSEN.get_or_init(|| sabotage);
    Ok(())
}

/// Whether this is what is broken.
pub fn is_armed(sabotage: Sabotage) -> bool {
    CHOSEN.get() == Some(&sabotage)
}
