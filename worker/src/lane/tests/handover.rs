//! Partitions that change their lane, in order or not, and who is suspected.

use std::time::Duration;

use shared::{bus::StreamId, error::Reason, ids::Partition, protocol::message::MessageSent};

use super::stage::Stage;
use crate::{lane::process::Process, store::epoch};

#[tokio::test]
async fn what_waits_at_an_orderly_handover_shares_its_commits() {
    let (mut stage, alice, room) = Stage::with_room().await;
    stage.send(&alice, &room, "first", "first").await;
    stage.stop_lanes().await;
    let posts = stage.append_messages(&alice, &room, 600).await;
    let before = stage.commits();
    // Another process: it cannot know from its own memory how the last one ended.
    stage.process = Process::new().unwrap();
    stage.start_lanes(1);
    stage.answers::<MessageSent>(posts).await;
    let commits = stage.commits() - before;
    assert!(commits <= 12, "{commits} transactions");
}

#[tokio::test]
async fn after_a_death_the_range_of_a_batch_is_noted_and_then_forgotten() {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    // Somebody who is not there any more had it.
    stage.execute("UPDATE partitions SET holder = 77").await;
    stage
        .execute(
            "CREATE TABLE noted (strikes smallint);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
                 'BEGIN INSERT INTO noted VALUES (NEW.strikes); RETURN NEW; END';
             CREATE TRIGGER note AFTER UPDATE ON partitions FOR EACH ROW
                 WHEN (NEW.suspect_ms IS NOT NULL) EXECUTE FUNCTION note()",
        )
        .await;
    let posts = stage.append_messages(&alice, &room, 300).await;
    stage.start_lanes(1);
    stage.answers::<MessageSent>(posts).await;
    // Batches of 16 to 256 until 256 have passed, each with one lane on its account.
    let noted = stage.column("SELECT strikes::text FROM noted").await;
    assert!((1..=5).contains(&noted.len()), "{noted:?}");
    assert!(noted.iter().all(|strikes| strikes == "1"), "{noted:?}");
    assert!(stage.commits() < 10, "{}", stage.commits());
    stage
        .finds("SELECT sum(strikes)::text FROM partitions", ["0"])
        .await;
}

/// Notes this entry alone, after two lanes had ended, for a process that has its partition.
async fn suspect(stage: &Stage, holder: i64, (partition, id): (Partition, StreamId)) {
    stage
        .execute(&format!(
            "UPDATE partitions SET holder = {holder}, suspect_ms = {}, suspect_seq = {},
                                   strikes = 2 WHERE id = {partition}",
            id.ms, id.seq
        ))
        .await;
}

#[tokio::test]
async fn an_entry_that_ended_three_lanes_is_refused_unread() {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    let deadly = stage.post_message(&alice, &room, "deadly", "boom");
    let noted = stage.flush().await[0];
    // It ended this one, too.
    suspect(&stage, 77, noted).await;
    let fine = stage.post_message(&alice, &room, "fine", "fine");
    stage.flush().await;
    stage.start_lanes(1);
    stage.refused(deadly, Reason::Internal).await;
    assert_eq!(stage.answer::<MessageSent>(fine).await.seq, 1);
    stage
        .finds("SELECT sum(strikes)::text FROM partitions", ["0"])
        .await;
}

#[tokio::test]
async fn an_entry_whose_process_lives_on_is_innocent() {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    let other = Process::new().unwrap();
    other.living_workers(&stage.bus).await.unwrap();
    let entry = stage.post_message(&alice, &room, "n", "hello");
    let noted = stage.flush().await[0];
    suspect(&stage, other.number(), noted).await;
    stage.start_lanes(1);
    assert_eq!(stage.answer::<MessageSent>(entry).await.seq, 1);
}

#[tokio::test]
async fn an_entry_under_way_while_postgres_is_killed_again_and_again_is_innocent() {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    stage.start_lanes(1);
    stage.process = Process::new().unwrap();
    stage.start_lanes(1);
    stage.process.living_workers(&stage.bus).await.unwrap();
    let mut blocking = stage.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *blocking)
        .await
        .unwrap();
    let entry = stage.post_message(&alice, &room, "n", "hello");
    stage.flush().await;
    for _ in 0..5 {
        stage
            .until_found("pg_locks WHERE NOT granted AND relation = 'messages'::regclass")
            .await;
        stage.end_connections().await;
    }
    blocking.rollback().await.unwrap();
    assert_eq!(stage.answer::<MessageSent>(entry).await.seq, 1);
    assert_eq!(stage.metrics.poison_total.get(), 0);
}

#[tokio::test]
async fn a_lane_with_nothing_to_do_writes_nothing() {
    let (mut stage, alice, room) = Stage::with_room().await;
    stage.send(&alice, &room, "n", "hello").await;
    stage.beats(2).await;
    let versions = "SELECT id::text || ':' || xmin::text FROM partitions ORDER BY id";
    let before = stage.column(versions).await;
    stage.beats(3).await;
    stage.finds(versions, before).await;
}

#[tokio::test]
async fn a_partition_changes_its_lane_in_order_without_a_pause_above_a_second() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let mut longest = Duration::ZERO;
    for n in 0..400 {
        if n % 100 == 50 {
            // A newcomer, and then the other one goes.
            let (stop, lanes) = stage.leave_lanes();
            stage.process = Process::new().unwrap();
            stage.start_lanes(1);
            stop.cancel();
            lanes.close();
        }
        let began = std::time::Instant::now();
        let sent = stage.send(&alice, &room, &n.to_string(), "x").await;
        assert_eq!(sent.seq, n + 1);
        longest = longest.max(began.elapsed());
    }
    assert!(longest < Duration::from_secs(1), "{longest:?}");
}

#[tokio::test]
async fn the_log_gets_another_epoch_only_while_no_lane_holds_a_partition() {
    let (mut stage, alice, room) = Stage::with_room().await;
    stage.send(&alice, &room, "n", "hi").await;
    assert!(!epoch::replace(&stage.options, "another").await.unwrap());
    stage.stop_lanes().await;
    assert!(epoch::replace(&stage.options, "another").await.unwrap());
    stage
        .finds("SELECT epoch FROM deployment", ["another"])
        .await;
}

#[tokio::test]
async fn a_copy_of_a_database_is_not_where_its_log_was_made_until_that_has_another_epoch() {
    let stage = Stage::stopped().await;
    let origin = async || epoch::find_origin(&stage.options).await.unwrap();
    // The stage's is copied from one that was prepared.
    assert_eq!(origin().await, None);
    assert!(epoch::replace(&stage.options, "first").await.unwrap());
    let first = origin().await.unwrap();
    assert!(first.ends_with(" first"), "{first}");
    assert!(epoch::replace(&stage.options, "second").await.unwrap());
    let second = origin().await.unwrap();
    assert_eq!(
        second.trim_end_matches("second"),
        first.trim_end_matches("first")
    );
}

#[tokio::test]
async fn two_new_servers_that_hand_out_the_same_numbers_are_two() {
    let [(_one, first), (_other, second)] = [Stage::alone().await, Stage::alone().await];
    let origin = async |stage: &Stage| epoch::find_origin(&stage.options).await.unwrap();
    let (first, made) = (
        origin(&first).await.unwrap(),
        origin(&second).await.unwrap(),
    );
    let (server, _) = first.split_once('/').unwrap();
    let (_, numbers) = made.split_once('/').unwrap();
    // As a dump of the one leaves it that was read into the other.
    sqlx::query("UPDATE deployment SET origin = $1")
        .bind(format!("{server}/{}", numbers.trim_end()))
        .execute(&second.pool)
        .await
        .unwrap();
    assert_eq!(origin(&second).await, None);
    assert!(epoch::replace(&second.options, "another").await.unwrap());
    assert_eq!(origin(&second).await, Some(format!("{made}another")));
}

#[tokio::test]
async fn a_server_that_hides_who_it_is_has_an_origin_all_the_same() {
    let (_server, stage) = Stage::alone().await;
    let origin = async || epoch::find_origin(&stage.options).await.unwrap();
    let made = origin().await;
    stage
        .execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        .await;
    stage.execute("CREATE ROLE visitor LOGIN").await;
    stage
        .execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO visitor")
        .await;
    let visitor = stage.options.clone().username("visitor");
    assert_eq!(epoch::find_origin(&visitor).await.unwrap(), made);
    assert!(epoch::replace(&visitor, "another").await.unwrap());
    let hidden = origin().await.unwrap();
    assert!(hidden.starts_with('/'), "{hidden}");
}

#[tokio::test]
async fn a_lane_that_begins_while_the_log_gets_another_epoch_learns_it() {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    let mut renaming = stage.pool.begin().await.unwrap();
    sqlx::query("UPDATE deployment SET epoch = 'another'")
        .execute(&mut *renaming)
        .await
        .unwrap();
    // It has read the old epoch, and has partitions.
    stage.start_lanes(1);
    stage
        .until_found(
            "pg_stat_activity WHERE datname = current_database()
                AND wait_event_type = 'Lock' AND query LIKE '%deployment%'",
        )
        .await;
    renaming.commit().await.unwrap();
    stage.send(&alice, &room, "n", "hi").await;
    assert_eq!(stage.metrics.restarts_total.get(), 1);
}
