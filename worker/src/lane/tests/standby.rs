//! A primary with a synchronous standby: only what the standby has is acknowledged.

use super::stage::Stage;

#[tokio::test]
async fn what_the_standby_may_not_have_is_not_acknowledged() {
    let (_server, mut stage) = Stage::alone().await;
    let (alice, room) = stage.room("alice").await;
    stage.start_lanes(1);
    let first = stage.send(&alice, &room, "n1", "one").await.unwrap();
    stage.lose_standby().await;
    let second = stage.post(&alice, room.server, &room.message("n2", "two"));
    stage.flush().await;
    let waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query";
    stage.until(&format!("SELECT 1 {waiting} = 'COMMIT'")).await;
    // As an administrator may, or a tool of his: Postgres says that it is committed.
    stage
        .execute(&format!(
            "SELECT pg_cancel_backend(pid) {waiting} = 'COMMIT'"
        ))
        .await;
    // The lane ends, and the next one waits when it takes its partitions.
    stage
        .until(&format!(
            "SELECT 1 {waiting} LIKE '%UPDATE partitions p SET term%'"
        ))
        .await;
    stage
        .execute("ALTER SYSTEM RESET synchronous_standby_names")
        .await;
    stage.execute("SELECT pg_reload_conf()").await;
    let repeated = stage.send(&alice, &room, "n2", "two").await.unwrap();
    assert_eq!((first.seq, repeated.seq), (1, 2));
    let stored = "SELECT count(*)::text FROM messages";
    assert_eq!(stage.column(stored).await, ["2"]);
    assert!(!stage.is_answered(second));
}
