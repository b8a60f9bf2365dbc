//! What can go wrong in Postgres, whichever driver speaks to it.

use std::{borrow::Cow, error::Error as StdError};

use crate::error::Error;

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

fn in_class(code: &str, classes: &[&str]) -> bool {
    code.get(..2).is_some_and(|class| classes.contains(&class))
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
                return Self::Unreadable {
                    source: Box::new(error),
                };
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
        if error.code().is_none() && !is_of_connection(&error) {
            return Self::Unreadable {
                source: Box::new(error),
            };
        }
        let constraint = error
            .as_db_error()
            .and_then(|database| database.constraint())
            .map(str::to_owned);
        let code = error.code().map(|code| code.code().to_owned());
        Self::of(code.as_deref(), constraint.as_deref(), error)
    }
}

/// Whether the connection ended or speaks something else. The driver tells its
/// kinds of errors apart by their texts and causes only.
fn is_of_connection(error: &tokio_postgres::Error) -> bool {
    if error.is_closed() || error.to_string().starts_with("unexpected message") {
        return true;
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<std::io::Error>() {
            return true;
        }
        cause = inner.source();
    }
    false
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Store(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_constraint_keeps_its_name() {
        let error = StoreError::of(Some("23505"), Some("a_key"), std::io::Error::other("x"));
        assert!(
            matches!(&error, StoreError::Conflict { constraint, code } if constraint == "a_key" && code == "23505"),
            "{error:?}"
        );
    }
}
