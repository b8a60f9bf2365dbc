//! What became of a command, or of its transaction.

use shared::error::{Reason, Refusal};
use tracing::{error, warn};

use crate::error::{Error, StoreError};

/// Why a batch did not commit.
pub(super) enum Failure {
    /// A command is at fault, and this is what it is told if it is alone.
    Poison(Refusal),
    /// The database is, or nobody knows whether it committed.
    Lost(Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if error.is_passing() {
            // Rolled back: a deadlock, a lock or a statement that took too long. Alone,
            // the command that caused it is found.
            warn!(%error, "transaction went back");
            Self::Poison(Reason::Unavailable.into())
        } else if error.is_outage() {
            Self::Lost(error.into())
        } else {
            error!(%error, "statement failed");
            Self::Poison(Reason::Internal.into())
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => error.into(),
            other => Self::Lost(other),
        }
    }
}

/// What became of a command: the encoded reply, or a refusal.
pub(super) type Verdict = Result<Vec<u8>, Refusal>;
