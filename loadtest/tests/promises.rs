//! The promises, each under the faults that would break it, with real processes:
//! the short schedules of `loadtest verify`. Set `CONFAB_SEED` to repeat a run.

use anyhow::Result;
use loadtest::verify::{
    outcome::{Outcome, Verdict},
    promise::Promise,
    short,
};
use tokio::sync::Semaphore;

/// Clusters that run at once: while one waits for a fault to pass, the other works.
const AT_ONCE: u32 = 2;
static TURNS: Semaphore = Semaphore::const_new(AT_ONCE as usize);

async fn trial(promise: Promise) -> Result<Outcome> {
    // What compares times would measure the other cluster.
    let alone = matches!(promise, Promise::P8 | Promise::P20 | Promise::P21);
    let _turns = TURNS.acquire_many(if alone { AT_ONCE } else { 1 }).await?;
    short(promise).await
}

macro_rules! promises {
    ($( $name:ident $promise:ident; )+) => {
        $(
            #[tokio::test]
            async fn $name() -> Result<()> {
                let outcome = trial(Promise::$promise).await?;
                assert_eq!(outcome.verdict, Verdict::Kept, "{outcome}");
                Ok(())
            }
        )+
    };
}

promises! {
    p1_no_acknowledged_message_is_lost_whatever_is_killed P1;
    p2_a_command_sent_three_times_takes_effect_once P2;
    p3_everyone_sees_one_order P3;
    p4_a_live_connection_has_no_hole P4;
    p5_a_resume_on_another_gateway_returns_exactly_what_was_missed P5;
    p6_the_last_event_of_a_quiet_topic_arrives P6;
    p7_a_stale_link_to_redis_is_noticed_and_heals P7;
    p8_a_slow_reader_harms_nobody_and_loses_nothing P8;
    p9_a_rolling_deployment_loses_nothing_and_makes_no_herd P9;
    p10_losing_redis_entirely_loses_no_acknowledged_message P10;
    p11_without_postgres_nothing_is_acknowledged_and_sockets_stay P11;
    p12_rate_limits_hold_across_gateways P12;
    p13_who_is_away_is_told_whatever_is_killed P13;
    p14_presence_is_right_soon_after_any_crash P14;
    p16_nobody_hears_what_he_lost_the_right_to P16;
    p17_memory_and_descriptors_return_to_where_they_were P17;
    p18_what_is_unread_equals_a_recount P18;
    p19_an_answer_belongs_to_the_request_it_names P19;
    p20_strangers_and_slow_readers_starve_nobody P20;
    p21_heavy_work_hinders_nobody P21;
    p22_old_and_new_programs_side_by_side_lose_nothing P22;
    p23_a_secret_is_nowhere_in_clear P23;
    who_signs_in_while_redis_takes_no_writes_gets_tokens_that_live Signin;
    rights_are_those_as_of_each_event_while_gateways_lag Rights;
    who_asks_for_the_largest_pages_gets_them_and_stays Pages;
    a_replica_of_redis_that_lags_takes_its_place Lagging;
}

#[tokio::test]
async fn p15_a_full_disk_corrupts_nothing() -> Result<()> {
    let outcome = trial(Promise::P15).await?;
    // Only root may make a small disk; then the outcome says so.
    let skipped = outcome.verdict == Verdict::Skipped && outcome.findings.len() == 1;
    assert!(skipped || outcome.verdict == Verdict::Kept, "{outcome}");
    Ok(())
}
