//! The bare writer writes what it says, into the tables that the lanes write.

use loadtest::{
    cluster::{Cluster, Settings},
    limit::storage::{Load, measure},
};
use tokio_postgres::NoTls;
use tokio_util::task::TaskTracker;

#[tokio::test]
async fn the_bare_writer_stores_the_rows_of_every_message() {
    let settings = Settings {
        gateways: 0,
        workers: 0,
        ..Settings::default()
    };
    let cluster = Cluster::start(settings).await.unwrap();
    let url = cluster.fresh_database("bare").await.unwrap();
    let load = Load {
        seconds: 0.6,
        batch: 50,
        rooms: 7,
        content: 200,
        windows: 2,
    };
    let pid = cluster.postgres.pid().unwrap();
    let report = measure(&url, pid, load).await.unwrap();

    let messages = report.checks.sent;
    assert_eq!(report.latencies["commit"].count * 50, messages);
    let cost = report.figure("bare postgres CPU per message").unwrap();
    assert!(cost.value > 0.0, "{cost:?}");
    for kept in ["disk per message", "disk per message, its event"] {
        let size = report.figure(kept).unwrap();
        assert!(size.value > 200.0, "more than its content: {size:?}");
    }
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    TaskTracker::new().spawn(connection);
    let count = async |sql: &str| -> u64 {
        let row = client.query_one(sql, &[]).await.unwrap();
        u64::try_from(row.get::<_, i64>(0)).unwrap()
    };
    for table in ["messages", "events", "nonces"] {
        let rows = count(&format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(rows, messages, "{table}");
    }
    for heads in [
        "SELECT sum(last_seq)::int8 FROM channels",
        "SELECT sum(head)::int8 FROM topics",
        "SELECT max(position) FROM partitions",
    ] {
        assert_eq!(count(heads).await, messages, "{heads}");
    }
    // Dense in every room, as a lane would number them.
    let rooms = "SELECT count(*) FROM (SELECT channel FROM messages GROUP BY channel
                 HAVING max(seq) = count(*) AND min(seq) = 1) AS dense";
    assert_eq!(count(rooms).await, 7);
}
