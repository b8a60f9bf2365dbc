//! What the two drivers of Postgres report, in our terms.

use std::{borrow::Cow, error::Error as _};

use crate::error::{Error, StoreError};

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::Database(database) => database.code().map(Cow::into_owned),
            // The driver could not read what came: a bug of ours, no outage.
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
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

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Store(error.into())
    }
}
