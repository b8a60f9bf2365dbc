//! What can go wrong in a worker, and what the client is told of it.

use shared::{
    bus::BusError,
    error::{Reason, Refusal},
    ids::NotAnId,
};

pub(crate) use crate::store::error::StoreError;

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

impl From<NotAnId> for Error {
    fn from(_: NotAnId) -> Self {
        Self::Store(StoreError::Inconsistency("a number is not an id"))
    }
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
}
