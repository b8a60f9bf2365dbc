//! Why a command or a query did not succeed.

use shared::{
    bus::BusError,
    error::{Reason, Refusal},
    ids::NotAnId,
};

/// A refusal is told to the client; the rest is logged, and told as `internal`
/// or `unavailable`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Bus(#[from] BusError),
}

/// Why Postgres did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The statement or its data are at fault: the same again fails the same way.
    #[error("statement failed: {0}")]
    Statement(String),
    /// Out of reach, out of space, or it ended the statement for its own
    /// reasons: the same may succeed later.
    #[error("postgres is unavailable: {0}")]
    Unavailable(String),
    /// Another lane owns the partition now.
    #[error("another lane owns the partition")]
    Fenced,
    /// The data contradict a rule of ours.
    #[error("the data contradict a rule: {0}")]
    Inconsistent(&'static str),
}

impl StoreError {
    /// Sorts by SQLSTATE: data exceptions (22) and violated constraints (23)
    /// are the statement's own fault.
    fn sort(state: Option<&str>, text: String) -> Self {
        match state.and_then(|state| state.get(..2)) {
            Some("22" | "23" | "42") => Self::Statement(text),
            _ => Self::Unavailable(text),
        }
    }

    /// Whether the same again would fail the same way.
    pub(crate) const fn is_poison(&self) -> bool {
        matches!(self, Self::Statement(_) | Self::Inconsistent(_))
    }
}

/// The text of an error with its causes; drivers keep the useful part there.
fn causes(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let client_side = error.to_string().starts_with("error serializing") || error.to_string().starts_with("error deserializing");
        let text = causes(&error);
        if client_side {
            return Self::Statement(text);
        }
        Self::sort(error.code().map(tokio_postgres::error::SqlState::code), text)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let state = error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(|code| code.into_owned());
        Self::sort(state.as_deref(), causes(&error))
    }
}

impl From<NotAnId> for StoreError {
    fn from(_: NotAnId) -> Self {
        Self::Inconsistent("a number in the database is not an id")
    }
}

macro_rules! through_store {
    ($($source:ty),+) => { $(
        impl From<$source> for Error {
            fn from(error: $source) -> Self {
                Self::Store(error.into())
            }
        }
    )+ };
}

through_store!(tokio_postgres::Error, sqlx::Error, NotAnId);

impl Error {
    /// What the client is told.
    pub(crate) fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Store(StoreError::Unavailable(_) | StoreError::Fenced) => Reason::Unavailable.into(),
            Self::Bus(BusError::Unreachable(_)) => Reason::Unknown.into(),
            Self::Bus(BusError::Refused(_)) => Reason::Unavailable.into(),
            Self::Store(_) | Self::Bus(BusError::Malformed) => Reason::Internal.into(),
        }
    }
}
