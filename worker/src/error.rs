//! What can go wrong in a worker, and what the client is told of it.

use std::{borrow::Cow, error::Error as StdError};

use shared::{
    bus::BusError,
    error::{Reason, Refusal},
    ids::NotAnId,
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
            Self::Store(error) if error.is_outage() => Reason::Unavailable.into(),
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

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<NotAnId> for Error {
    fn from(_: NotAnId) -> Self {
        Self::Store(StoreError::Inconsistency("a number is not an id"))
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Store(error.into())
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
    /// Another lane owns the partition now: this one's memory is not true any more.
    #[error("another lane owns the partition")]
    Fenced,
    /// A row holds what no worker wrote.
    #[error("the database holds what nobody wrote: {0}")]
    Inconsistency(&'static str),
}

/// SQLSTATE classes that say something about Postgres and nothing about the
/// statement: connection, transaction rolled back, resources, object not in
/// the needed state (`lock_timeout`), operator intervention, system error.
const OUTAGES: &[&str] = &["08", "40", "53", "55", "57", "58"];
/// A connection that became read-only: the primary is another one now.
const READ_ONLY: &str = "25006";

impl StoreError {
    /// The SQLSTATE, where Postgres itself said no.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Conflict { code, .. } => Some(code),
            Self::Driver { code, .. } => code.as_deref(),
            Self::Fenced | Self::Inconsistency(_) => None,
        }
    }

    /// Whether the same statement may succeed later, when Postgres is well.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Fenced | Self::Driver { code: None, .. } => true,
            Self::Driver {
                code: Some(code), ..
            } => code == READ_ONLY || code.get(..2).is_some_and(|class| OUTAGES.contains(&class)),
            Self::Conflict { .. } | Self::Inconsistency(_) => false,
        }
    }

    fn of(
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

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::Database(database) => database.code().map(Cow::into_owned),
            // The driver could not read what came: a bug of ours, no outage.
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::RowNotFound
            | sqlx::Error::TypeNotFound { .. } => {
                return Self::Inconsistency("a column has another type");
            }
            _ => None,
        };
        let constraint = error
            .as_database_error()
            .and_then(|database| database.constraint())
            .map(str::to_owned);
        Self::of(code.as_deref(), constraint.as_deref(), error)
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let constraint = error
            .as_db_error()
            .and_then(|database| database.constraint())
            .map(str::to_owned);
        let code = error.code().map(|code| code.code().to_owned());
        Self::of(code.as_deref(), constraint.as_deref(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driver(code: Option<&str>) -> StoreError {
        StoreError::of(code, None, std::io::Error::other("x"))
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
    fn a_broken_constraint_keeps_its_name() {
        let error = StoreError::of(Some("23505"), Some("a_key"), std::io::Error::other("x"));
        assert!(
            matches!(&error, StoreError::Conflict { constraint, .. } if constraint == "a_key"),
            "{error:?}"
        );
        assert_eq!(error.code(), Some("23505"));
    }

    #[test]
    fn an_append_without_an_answer_is_unknown() {
        let gone = Error::from(BusError::Unreachable("x".to_owned()));
        assert_eq!(gone.refusal().reason, Reason::Unknown);
        let refused = Error::from(BusError::Refused("x".to_owned()));
        assert_eq!(refused.refusal().reason, Reason::Unavailable);
    }
}
