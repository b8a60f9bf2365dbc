//! What a reader sees has no hole: P4, P5, P6.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::{Instant, sleep};

use super::{
    schedule::{Fault, Kind, Schedule, Who},
    trial::{BACK, Trial},
};
use crate::{
    client::{Client, Options},
    fixture::Fixture,
    proxy::Proxy,
    workload::Plan,
};

/// How soon a lost notification is repaired.
const REPAIR: Duration = Duration::from_secs(5);

/// P4: events are lost, links are cut, silent and slow, and Redis stands still.
pub(super) async fn no_hole(trial: &mut Trial<'_>) -> Result<()> {
    let plan = Plan {
        readers: 4,
        every: Duration::from_millis(5),
        ..Plan::default()
    };
    let (_, workload) = trial.begin(4, &plan, 50).await?;
    let length = trial.terms.length;
    let kinds = [Kind::Cut, Kind::Silence, Kind::LoseEvents, Kind::Delay];
    let gap = length / 4;
    let mut faults = Schedule::random(&mut trial.random, length, gap, &kinds)
        .faults()
        .to_vec();
    let pause = Duration::from_secs(1 + trial.random.below(trial.terms.size.choose(2, 8, 20)));
    let every = 2 + trial.random.below(8);
    faults.extend([
        (Duration::ZERO, Fault::LoseEvents(every)),
        (length * 2 / 3, Fault::LoseEvents(0)),
        (length / 3, Fault::Freeze(Who::Redis)),
        (length / 3 + pause, Fault::Continue(Who::Redis)),
    ]);
    trial.play(&Schedule::exactly(faults)).await?;
    workload.progress(30, BACK).await?;
    trial.judge(workload).await?;
    let lost: u64 = trial.cluster.proxies.iter().map(Proxy::dropped).sum();
    trial.measured(format!("{lost} published messages were kept from gateways"));
    trial.demand(lost > 0, || "the proxies lost nothing".to_owned());
    Ok(())
}

/// P5: gateways die under load, and a reader comes back to a large backlog.
pub(super) async fn resumed(trial: &mut Trial<'_>) -> Result<()> {
    let plan = Plan {
        writers: 6,
        readers: 4,
        every: Duration::from_millis(3),
        ..Plan::default()
    };
    let (_, workload) = trial.begin(4, &plan, 100).await?;
    let first = usize::from(trial.random.below(2) == 1);
    let kills: Vec<Fault> = (0..trial.terms.size.choose(2, 4, 12))
        .map(|number| Fault::Kill(Who::Gateway((first + number) % 2)))
        .collect();
    let parts = u32::try_from(kills.len() + 1)?;
    let at = (1..).map(|number: u32| trial.terms.length * number / parts);
    let schedule = Schedule::exactly(at.zip(kills).collect());
    trial.play(&schedule).await?;
    workload.progress(100, BACK).await?;
    let report = trial.judge(workload).await?.report;
    trial.demand_everything(&report, plan.readers);
    trial.demand(report.counts.resumes >= 2, || {
        format!("{} resumes", report.counts.resumes)
    });
    backlog(trial).await
}

/// How many events a reader misses; a million needs ten minutes.
fn missed(trial: &Trial<'_>) -> u64 {
    if trial.terms.length >= Duration::from_mins(10) {
        1_000_000
    } else {
        trial.terms.size.choose(3_000, 30_000, 100_000)
    }
}

/// A reader is away while very much happens, then resumes.
async fn backlog(trial: &mut Trial<'_>) -> Result<()> {
    let mut proxies = Vec::new();
    for gateway in &trial.cluster.gateways {
        proxies.push(Proxy::start(&format!("127.0.0.1:{}", gateway.port())).await?);
    }
    let plan = Plan {
        writers: 32,
        readers: 1,
        every: Duration::ZERO,
        catch_up: BACK * 10,
        ..Plan::patient()
    };
    let fixture = trial.fixture(4).await?;
    let addresses = proxies
        .iter()
        .map(|proxy| format!("ws://{}", proxy.address()));
    let away = Fixture {
        gateways: addresses.collect(),
        ..fixture.clone()
    };
    let others = [(away, Options::default())];
    let workload = trial.workload_with(&fixture, &plan, &others).await?;
    let count = missed(trial);
    trial.note(format!(
        "a reader is away while {count} messages are written"
    ));
    for proxy in &proxies {
        proxy.refuse(true);
    }
    let most = BACK * 2 + trial.terms.length * 2;
    workload.progress(count, most).await?;
    trial.note("it comes back");
    for proxy in &proxies {
        proxy.refuse(false);
    }
    workload.stop_writing().await;
    let began = Instant::now();
    let report = trial.judge(workload).await?.report;
    trial.measured(format!(
        "a backlog of {count} was caught up with in {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    trial.demand_everything(&report, 2);
    trial.demand(report.counts.resumes >= 1, || {
        "the reader never resumed".to_owned()
    });
    Ok(())
}

/// How often a link is cut while what was lost is asked for: some two seconds long.
const FLAPS: usize = 15;

/// What becomes of the notification of a message in a quiet topic.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// It is lost.
    Dropped,
    /// The gateway has no link to Redis when it is published.
    Absent,
    /// The link is silent for a while when it is published.
    Silent,
    /// It is lost, and so are the answers to questions for it: the link is cut again and again.
    Flapping,
    /// It is lost, and so is what names it, for as long as [`MASKED`]; beats come through.
    Masked,
}

/// How long a gateway hears nothing of any topic: longer than heads are told every second.
const MASKED: Duration = Duration::from_secs(6);

/// P6: one message, its notification does not arrive, then silence.
pub(super) async fn quiet(trial: &mut Trial<'_>) -> Result<()> {
    let fixture = trial.fixture(2).await?;
    let writer = fixture.enter(0, Options::default()).await?;
    let reader = fixture.enter(1, Options::default()).await?;
    fixture.say(&writer, "first").await?;
    sees(&reader, "first", BACK).await?;
    let began = Instant::now();
    for number in 0_usize.. {
        for way in [
            Way::Dropped,
            Way::Masked,
            Way::Absent,
            Way::Silent,
            Way::Flapping,
        ] {
            let text = format!("{way:?} {number}");
            quiet_once(trial, (&fixture, &writer, &reader), way, &text).await?;
        }
        let enough = trial.terms.size.choose(0, 2, 5);
        if number >= enough && began.elapsed() >= trial.terms.length {
            break;
        }
    }
    for violation in reader.violations() {
        trial.outcome.find(violation);
    }
    Ok(())
}

async fn quiet_once(
    trial: &mut Trial<'_>,
    (fixture, writer, reader): (&Fixture, &Client, &Client),
    way: Way,
    text: &str,
) -> Result<()> {
    trial.note(format!("the notification of one message is {way:?}"));
    // The reader is on the second gateway, and the writer on the first.
    let link = trial.cluster.proxies.get(1).context("a proxy")?;
    let dropped = link.dropped();
    match way {
        Way::Dropped | Way::Flapping => link.drop_next(1),
        Way::Absent => link.refuse(true),
        Way::Silent => link.blackhole(true),
        Way::Masked => link.drop_every(1),
    }
    trial.outcome.counts.sent += 1;
    fixture.say(writer, text).await?;
    trial.outcome.counts.acknowledged += 1;
    trial.outcome.counts.stored += 1;
    match way {
        Way::Dropped | Way::Absent => {}
        Way::Silent => sleep(Duration::from_millis(500 + trial.random.below(3_000))).await,
        Way::Masked => sleep(MASKED).await,
        Way::Flapping => {
            for _ in 0..FLAPS {
                sleep(Duration::from_millis(50 + trial.random.below(200))).await;
                link.cut();
            }
        }
    }
    link.heal();
    let began = Instant::now();
    if let Err(error) = sees(reader, text, trial.allow(REPAIR)).await {
        trial.outcome.counts.lost += 1;
        return Err(error);
    }
    trial.outcome.counts.received += 1;
    let took = began.elapsed();
    trial.measured(format!(
        "{way:?}: it arrived {took:.2?} after the link was whole"
    ));
    trial.in_time("a repair", REPAIR, took);
    let link = trial.cluster.proxies.get(1).context("a proxy")?;
    let lost = link.dropped() - dropped;
    trial.demand(lost == 1 || !matches!(way, Way::Dropped), || {
        format!("{lost} notifications were lost, not one")
    });
    Ok(())
}

async fn sees(reader: &Client, text: &str, patience: Duration) -> Result<()> {
    if reader.sees_message(text, patience).await.is_none() {
        bail!("{text:?} was stored, but its reader did not see it within {patience:?}");
    }
    Ok(())
}
