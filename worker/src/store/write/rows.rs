//! Rows that a lane gathers and writes with one statement per transaction.
//!
//! A table gets such rows when nearly every command of a busy lane writes one. Its file has
//! the struct of a row, with [`BatchedRow`]; `Statements` prepares it, and `commit` sends it.

use std::marker::PhantomData;

use tokio_postgres::{Client, Statement, types::ToSql};

use crate::error::StoreError;

/// The values of one column, or one value for all rows.
pub(super) type Column<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// A row of a table that a lane writes with one statement per transaction.
pub(super) trait BatchedRow: Sized + Sync {
    /// Takes one array per column.
    const STATEMENT: &'static str;

    /// The parameters of the statement; `day` is that of the transaction, counted from 1970.
    fn columns(rows: &[Self], day: i32) -> Vec<Column<'_>>;
}

/// One column of all rows.
pub(super) fn column<'a, R, T>(rows: &'a [R], value: impl Fn(&'a R) -> T) -> Column<'a>
where
    Vec<T>: ToSql + Sync + Send + 'a,
{
    Box::new(rows.iter().map(value).collect::<Vec<T>>())
}

/// The statement of a table, prepared once per connection.
pub(super) struct Prepared<R> {
    statement: Statement,
    row: PhantomData<fn(R)>,
}

impl<R: BatchedRow> Prepared<R> {
    pub(super) async fn new(client: &Client) -> Result<Self, StoreError> {
        Ok(Self {
            statement: client.prepare(R::STATEMENT).await?,
            row: PhantomData,
        })
    }

    /// Writes all rows; nothing is sent when there are none.
    pub(super) async fn write(
        &self,
        client: &Client,
        rows: &[R],
        day: i32,
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns = R::columns(rows, day);
        let parameters: Vec<&(dyn ToSql + Sync)> = columns
            .iter()
            .map(|column| &**column as &(dyn ToSql + Sync))
            .collect();
        client.execute(&self.statement, &parameters).await?;
        Ok(())
    }
}
