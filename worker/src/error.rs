//! What can go wrong in a worker, and what the client is told of it.

use std::error::Error as StdError;

use shared::{
    bus::BusError,
    error::{Reason, Refusal},
};

/// Why a command or a query was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The client is told exactly this.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// Postgres did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Redis did not do it.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// Our own mistake.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// What the client is told. Inner texts stay in the log.
    pub(crate) fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Store(error) if error.is_outage() || error.is_passing() => {
                Reason::Unavailable.into()
            }
            Self::Bus(BusError::Unreachable(_)) => Reason::Unknown.into(),
            Self::Bus(BusError::Refused(_)) => Reason::Unavailable.into(),
            Self::Store(_) | Self::Bus(BusError::Malformed) | Self::Internal(_) => {
                Reason::Internal.into()
            }
        }
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason.into())
    }
}

/// Why Postgres did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The statement broke this constraint.
    #[error("postgres: constraint {constraint} does not hold ({code})")]
    Conflict {
        /// The name of the constraint.
        constraint: String,
        /// The SQLSTATE, of class 23.
        code: String,
    },
    /// Postgres is out of reach, refused the statement, or did not answer in time.
    #[error("postgres: {source}")]
    Driver {
        /// The SQLSTATE, where Postgres itself said no.
        code: Option<String>,
        /// What the driver says.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// What came could not be read: a row that no worker wrote, or a mistake of
    /// ours. The connection is well.
    #[error("postgres answered what nobody can read: {source}")]
    Unreadable {
        /// What the driver says.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Another lane owns the partition now: this one's memory is not true any more.
    #[error("another lane owns the partition")]
    Fenced,
    /// A row holds what no worker wrote.
    #[error("the database holds what nobody wrote: {0}")]
    Inconsistency(&'static str),
}

/// SQLSTATE classes that say something about Postgres and nothing about the
/// statement: connection, resources, operator intervention, system error.
const OUTAGES: &[&str] = &["08", "53", "57", "58"];
/// What ends a transaction and may not end the next one: rolled back (a deadlock),
/// object not in the needed state (`lock_timeout`).
const PASSING: &[&str] = &["40", "55"];
/// A statement that took too long, or that somebody cancelled: passing, too.
const CANCELED: &str = "57014";
/// A connection that became read-only: the primary is another one now.
const READ_ONLY: &str = "25006";

impl StoreError {
    /// Whether Postgres is not well, or not ours any more: nothing will work on
    /// this connection.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Fenced | Self::Driver { code: None, .. } => true,
            Self::Driver {
                code: Some(code), ..
            } => code == READ_ONLY || (code != CANCELED && in_class(code, OUTAGES)),
            Self::Conflict { .. } | Self::Unreadable { .. } | Self::Inconsistency(_) => false,
        }
    }

    /// Whether the transaction went back for a reason that may be another
    /// transaction's: the same may succeed later, on the same connection.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Driver { code: Some(code), .. } if code == CANCELED || in_class(code, PASSING))
    }

    /// Whether Postgres knows nothing of it, so that the transaction can go on.
    pub(crate) const fn is_ours(&self) -> bool {
        matches!(self, Self::Unreadable { .. } | Self::Inconsistency(_))
    }

    /// What Postgres said, by its SQLSTATE.
    pub(crate) fn of(
        code: Option<&str>,
        constraint: Option<&str>,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        match (code, constraint) {
            (Some(code), Some(constraint)) if code.starts_with("23") => Self::Conflict {
                constraint: constraint.to_owned(),
                code: code.to_owned(),
            },
            (code, _) => Self::Driver {
                code: code.map(str::to_owned),
                source: Box::new(source),
            },
        }
    }
}

fn in_class(code: &str, classes: &[&str]) -> bool {
    code.get(..2).is_some_and(|class| classes.contains(&class))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driver(code: Option<&str>) -> StoreError {
        StoreError::Driver {
            code: code.map(str::to_owned),
            source: "x".into(),
        }
    }

    #[test]
    fn an_outage_is_unavailable_and_a_mistake_internal() {
        for (code, reason) in [
            (None, Reason::Unavailable),
            (Some("57014"), Reason::Unavailable),
            (Some("25006"), Reason::Unavailable),
            (Some("40001"), Reason::Unavailable),
            (Some("42P01"), Reason::Internal),
            (Some("22021"), Reason::Internal),
            (Some("2"), Reason::Internal),
        ] {
            assert_eq!(
                Error::from(driver(code)).refusal().reason,
                reason,
                "{code:?}"
            );
        }
    }

    #[test]
    fn an_append_without_an_answer_is_unknown() {
        let gone = Error::from(BusError::Unreachable("x".to_owned()));
        assert_eq!(gone.refusal().reason, Reason::Unknown);
        let refused = Error::from(BusError::Refused("x".to_owned()));
        assert_eq!(refused.refusal().reason, Reason::Unavailable);
    }

    #[test]
    fn a_broken_constraint_keeps_its_name() {
        let error = StoreError::of(Some("23505"), Some("a_key"), std::io::Error::other("x"));
        assert!(
            matches!(&error, StoreError::Conflict { constraint, code } if constraint == "a_key" && code == "23505"),
            "{error:?}"
        );
    }
}
