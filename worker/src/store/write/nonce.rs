//! Nonces: what was answered to a request that writes.

use shared::ids::UserId;
use tokio_postgres::types::ToSql;

use super::{
    Connection,
    rows::{BatchedRow, Column, column},
    sql,
};
use crate::{
    error::StoreError,
    store::values::{columns, read_rows},
};

pub(super) const FIND: &str = "
    SELECT w.place, n.body_hash, n.result
    FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::text[]) AS w (place, scope, author, nonce)
    JOIN nonces n ON n.scope = w.scope AND n.author = w.author AND n.nonce = w.nonce COLLATE \"C\"";

/// The key of a nonce.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct NonceKey {
    pub(crate) scope: u64,
    pub(crate) author: Option<UserId>,
    pub(crate) nonce: String,
}

impl NonceKey {
    fn author_sql(&self) -> i64 {
        self.author.map_or(0, UserId::sql)
    }
}

/// The first result of a nonce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FirstResult {
    pub(crate) body_hash: Vec<u8>,
    /// The encoded reply body.
    pub(crate) result: Vec<u8>,
}

columns! { FirstResult { body_hash, result } }

/// A nonce that is not stored yet.
pub(crate) type NewNonce = (NonceKey, FirstResult);

impl BatchedRow for NewNonce {
    const STATEMENT: &'static str = "
        INSERT INTO nonces (scope, author, nonce, day, body_hash, result)
        SELECT scope, author, nonce, DATE '1970-01-01' + $6::int4, body_hash, result
        FROM unnest($1::int8[], $2::int8[], $3::text[], $4::bytea[], $5::bytea[])
            AS n (scope, author, nonce, body_hash, result)";

    fn columns(rows: &[Self], day: i32) -> Vec<Column<'_>> {
        vec![
            column(rows, |(key, _)| sql(key.scope)),
            column(rows, |(key, _)| key.author_sql()),
            column(rows, |(key, _)| key.nonce.as_str()),
            column(rows, |(_, first)| first.body_hash.as_slice()),
            column(rows, |(_, first)| first.result.as_slice()),
            Box::new(day),
        ]
    }
}

/// The known ones of these nonces, each with its place in `keys`. No transaction is
/// needed: this lane alone writes them.
pub(crate) async fn find_results(
    connection: &Connection,
    keys: &[NonceKey],
) -> Result<Vec<(usize, FirstResult)>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let places: Vec<i32> = (0_i32..).take(keys.len()).collect();
    let scopes: Vec<i64> = keys.iter().map(|key| sql(key.scope)).collect();
    let authors: Vec<i64> = keys.iter().map(NonceKey::author_sql).collect();
    let nonces: Vec<&str> = keys.iter().map(|key| key.nonce.as_str()).collect();
    let parameters: [&(dyn ToSql + Sync); 4] = [&places, &scopes, &authors, &nonces];
    let rows = connection
        .client
        .query(&connection.statements.find_nonces, &parameters)
        .await?;
    let found = read_rows(&rows)?.into_iter();
    let place = |place: i32| usize::try_from(place).unwrap_or(usize::MAX);
    Ok(found.map(|(at, first)| (place(at), first)).collect())
}

#[cfg(test)]
mod tests {
    use super::{super::SESSION, *};
    use crate::store::explain::explain;

    /// A lane prepares its statements once, often on an empty database.
    #[tokio::test]
    async fn a_plan_made_on_empty_tables_reads_by_index() {
        let (_, pool) = crate::fixture::database_and_pool().await;
        let prepare = format!("{SESSION}; PREPARE find (int4[], int8[], int8[], text[]) AS {FIND}");
        let execute = "EXECUTE find ('{0}', '{1}', '{1}', '{a}')";
        let plan = explain(&mut pool.acquire().await.unwrap(), &prepare, execute).await;
        assert!(plan.contains("Index Scan"), "{plan}");
        assert!(!plan.contains("Seq Scan on nonces"), "{plan}");
        // The whole key, or one scan would read all that an author ever said.
        let conditions = plan.lines().filter(|line| line.contains("Index Cond"));
        for condition in conditions {
            assert!(condition.contains("nonce ="), "{plan}");
        }
    }
}
