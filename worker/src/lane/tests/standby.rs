//! A primary with a synchronous standby: only what the standby has is acknowledged.

use super::stage::Stage;

#[tokio::test]
async fn what_the_standby_may_not_have_is_not_acknowledged() {
    let (_server, mut stage) = Stage::alone().await;
    let (alice, room) = stage.room("alice").await;
    stage.start_lanes(1);
    let first = stage.send(&alice, &room, "n1", "one").await;
    stage.lose_standby().await;
    let second = stage.post_message(&alice, &room, "n2", "two");
    stage.flush().await;
    let waiting = "pg_stat_activity WHERE wait_event = 'SyncRep' AND query";
    stage.until_found(&format!("{waiting} = 'COMMIT'")).await;
    // As an administrator may, or a tool of his: Postgres says that it is committed.
    stage
        .execute(&format!(
            "SELECT pg_cancel_backend(pid) FROM {waiting} = 'COMMIT'"
        ))
        .await;
    // The lane ends, and the next one waits when it takes its partitions.
    let taking = format!("{waiting} LIKE '%UPDATE partitions p SET term%'");
    stage.until_found(&taking).await;
    stage
        .execute("ALTER SYSTEM RESET synchronous_standby_names")
        .await;
    stage.execute("SELECT pg_reload_conf()").await;
    let repeated = stage.send(&alice, &room, "n2", "two").await;
    assert_eq!((first.seq, repeated.seq), (1, 2));
    stage.counts("messages", 2).await;
    assert!(!stage.is_answered(second));
}
