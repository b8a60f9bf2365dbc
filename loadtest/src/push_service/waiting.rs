//! What a cluster has still to tell.

use anyhow::Result;

use crate::cluster::Cluster;

/// Messages that nobody looked at yet, notifications that have not ended, and pushes that are left.
const WAITING: &str = "SELECT (SELECT count(*) FROM notifications WHERE state = 0)
                     + (SELECT count(*) FROM pushes)
                     + (SELECT count(*) FROM jobs WHERE kind = 'notification_plan')
                     + (SELECT count(*) FROM consumers c JOIN partitions p ON p.id = c.partition
                        WHERE c.name = 'notification' AND c.position < p.position)";

/// How much that is; at nought nobody is told of anything any more.
pub async fn count_waiting(cluster: &Cluster) -> Result<i64> {
    let row = cluster
        .sql(async |client| client.query_one(WAITING, &[]).await)
        .await?;
    Ok(row.try_get(0)?)
}
