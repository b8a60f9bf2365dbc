//! How Postgres would execute a statement, for tests that no plan reads a whole table.

use sqlx::{AssertSqlSafe, PgConnection};

/// The plan of a statement, after others in the same session.
pub(super) async fn explain(
    connection: &mut PgConnection,
    before: &str,
    statement: &str,
) -> String {
    sqlx::raw_sql(AssertSqlSafe(before.to_owned()))
        .execute(&mut *connection)
        .await
        .unwrap();
    let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {statement}")))
        .fetch_all(connection)
        .await
        .unwrap();
    plan.join("\n")
}
