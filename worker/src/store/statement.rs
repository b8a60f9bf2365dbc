//! Statements by the driver of queries, jobs and consumers.

use sqlx::{PgExecutor, postgres::PgArguments};

use super::values::{FromColumns, Parameter, read_query_rows};
use crate::error::StoreError;

/// All rows that a statement finds.
pub(super) async fn list<T: FromColumns>(
    database: impl PgExecutor<'_>,
    sql: &'static str,
    parameters: &[&dyn Parameter],
) -> Result<Vec<T>, StoreError> {
    let statement = sqlx::query_with(sql, arguments(parameters)?);
    read_query_rows(&statement.fetch_all(database).await?)
}

/// The row that a statement finds, if any.
pub(super) async fn find<T: FromColumns>(
    database: impl PgExecutor<'_>,
    sql: &'static str,
    parameters: &[&dyn Parameter],
) -> Result<Option<T>, StoreError> {
    Ok(list(database, sql, parameters).await?.into_iter().next())
}

/// The row of a statement that always finds one.
pub(super) async fn get<T: FromColumns>(
    database: impl PgExecutor<'_>,
    sql: &'static str,
    parameters: &[&dyn Parameter],
) -> Result<T, StoreError> {
    let found = find(database, sql, parameters).await?;
    Ok(found.ok_or(sqlx::Error::RowNotFound)?)
}

/// Executes a statement; answers how many rows it changed.
pub(super) async fn execute(
    database: impl PgExecutor<'_>,
    sql: &'static str,
    parameters: &[&dyn Parameter],
) -> Result<u64, StoreError> {
    let statement = sqlx::query_with(sql, arguments(parameters)?);
    Ok(statement.execute(database).await?.rows_affected())
}

fn arguments(parameters: &[&dyn Parameter]) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for parameter in parameters {
        let added = parameter.add_to(&mut arguments);
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
