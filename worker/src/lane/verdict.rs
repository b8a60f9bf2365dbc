//! What became of a command, or of its transaction.

use shared::error::{Reason, Refusal};
use tracing::{error, warn};

use crate::error::Error;

/// Why a batch did not commit.
pub(super) enum Failure {
    /// A command is at fault, and this is what it is told if it is alone.
    Poison(Refusal),
    /// The database is, or nobody knows whether it committed.
    Lost(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            // Rolled back: a deadlock, a lock or a statement that took too long. Alone,
            // the command that caused it is found.
            Error::Store(store) if store.is_passing() => {
                warn!(error = %store, "transaction went back");
                Self::Poison(Reason::Unavailable.into())
            }
            Error::Store(store) if !store.is_outage() => {
                error!(error = %store, "statement failed");
                Self::Poison(Reason::Internal.into())
            }
            other => Self::Lost(other),
        }
    }
}

/// What became of a command: the encoded reply, or a refusal.
pub(super) type Verdict = Result<Vec<u8>, Refusal>;
