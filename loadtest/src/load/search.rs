//! The highest rate at which an objective holds: steps of half as much again, then halves.

use anyhow::{Result, ensure};

use super::{
    objective::Objective,
    options::Options,
    order::Plan,
    progress,
    run::{Run, Window},
};
use crate::measure::{Better, Figure, Validity, real, report::BUSIEST};

/// Each step asks for so much more.
const STEP: f64 = 1.5;
/// Steps before the search gives up: 1.5^40 is ten million times the first rate.
const MAX_STEPS: u32 = 40;
/// Halvings once a rate failed: the answer is then 3 % fine.
const HALVINGS: u32 = 4;
/// Of what was sent, this share must be acknowledged within the window: less
/// and a queue grows.
const KEPT_UP: f64 = 0.97;

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    /// The highest rate that held; zero when none did.
    pub rate: f64,
    /// The lowest that did not.
    pub broke: Option<f64>,
    /// Why that one did not.
    pub why: String,
    /// Whether it was the generator that could do no more.
    pub generator: bool,
}

/// Searches for the highest rate, and notes what was found.
pub async fn best(run: &mut Run, options: &Options, mut plan: Plan) -> Result<Plan> {
    let found = search(run, options, &plan, &options.objectives(true)?).await?;
    let sustained = Figure::once("sustained messages", "/s", Better::More, found.rate);
    run.report.figures.push(sustained);
    if let Some(broke) = found.broke {
        run.report
            .set("breaks at", format!("{broke:.0}/s: {}", found.why));
    }
    if found.generator {
        let doubt = "the generator could do no more: the cluster's maximum is higher";
        run.report.validity.doubts.push(doubt.to_owned());
    }
    ensure!(
        found.rate > 0.0,
        "not even the first rate holds: {}",
        found.why
    );
    plan.rate = found.rate;
    Ok(plan)
}

/// Searches upwards from the rate of `plan`.
async fn search(
    run: &mut Run,
    options: &Options,
    plan: &Plan,
    objectives: &[Objective],
) -> Result<Found> {
    let mut found = Found::default();
    let mut rate = plan.rate;
    for _ in 0..MAX_STEPS {
        let plan = at(plan, rate);
        if !holds(run, options, &plan, objectives, &mut found).await? {
            break;
        }
        rate *= STEP;
    }
    for _ in 0..HALVINGS {
        let Some(broke) = found.broke else {
            break;
        };
        if found.rate <= 0.0 && broke < 1.0 {
            break;
        }
        let middle = f64::midpoint(found.rate, broke);
        holds(run, options, &at(plan, middle), objectives, &mut found).await?;
    }
    Ok(found)
}

/// The plan at another rate.
fn at(plan: &Plan, rate: f64) -> Plan {
    Plan {
        rate,
        ..plan.clone()
    }
}

/// Tries the rate of a plan; twice before it counts as too high, as other
/// programs of the machine may have been in the way.
async fn holds(
    run: &mut Run,
    options: &Options,
    plan: &Plan,
    objectives: &[Objective],
    found: &mut Found,
) -> Result<bool> {
    let before = (found.broke, found.why.clone(), found.generator);
    if step(run, options, plan, objectives, found).await? {
        return Ok(true);
    }
    let holds = step(run, options, plan, objectives, found).await?;
    if holds {
        (found.broke, found.why, found.generator) = before;
    }
    Ok(holds)
}

/// Tries the rate of a plan once.
async fn step(
    run: &mut Run,
    options: &Options,
    plan: &Plan,
    objectives: &[Objective],
    found: &mut Found,
) -> Result<bool> {
    let rate = plan.rate;
    run.publish(plan).await?;
    run.warm_up().await?;
    let window = run.window(options.seconds).await?;
    let settled = run.settle().await?;
    let fault = fault(&window, objectives, settled, run.target.acknowledges());
    match &fault {
        None => {
            progress::say(&format!("{rate:.0}/s holds"));
            found.rate = rate;
        }
        Some((why, generator)) => {
            progress::say(&format!("{rate:.0}/s does not hold: {why}"));
            found.broke = Some(rate);
            found.why.clone_from(why);
            found.generator = *generator;
        }
    }
    Ok(fault.is_none())
}

/// Why a window does not hold, and whether the generator is to blame.
fn fault(
    window: &Window,
    objectives: &[Objective],
    settled: bool,
    acknowledges: bool,
) -> Option<(String, bool)> {
    let latencies = &window.tally.latencies;
    let late = Validity {
        lateness: latencies.late.clone(),
        busy: window.busy,
        doubts: Vec::new(),
    };
    if let Some(fault) = late.faults().pop() {
        return Some((fault, true));
    }
    debug_assert!(window.busy <= BUSIEST);
    if !settled {
        return Some(("messages are missing".to_owned(), false));
    }
    let checks = &window.tally.checks;
    if acknowledges && real(checks.acknowledged) < real(checks.sent) * KEPT_UP {
        return Some(("a queue grows".to_owned(), false));
    }
    let broken = objectives
        .iter()
        .find(|objective| !objective.holds(latencies))?;
    let measured = broken.measured(latencies).as_secs_f64() * 1e3;
    Some((format!("{measured:.1} ms"), false))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::load::order::Tally;

    fn window() -> Window {
        let mut tally = Tally::default();
        tally.checks.sent = 100;
        tally.checks.acknowledged = 100;
        tally.latencies.deliver.record(Duration::from_millis(50));
        Window {
            seconds: 1.0,
            tally,
            parts: Vec::new(),
            usage: BTreeMap::new(),
            busy: 0.5,
        }
    }

    #[test]
    fn each_reason_breaks_a_window() {
        let objective = ["p99<100ms".parse().unwrap()];
        let why = |window: &Window, settled| fault(window, &objective, settled, true);
        assert_eq!(why(&window(), true), None);
        assert!(!why(&window(), false).unwrap().1);

        let mut busy = window();
        busy.busy = 0.9;
        assert!(why(&busy, true).unwrap().1);

        let mut behind = window();
        behind.tally.checks.acknowledged = 90;
        assert_eq!(why(&behind, true).unwrap().0, "a queue grows");

        let mut slow = window();
        slow.tally
            .latencies
            .deliver
            .record(Duration::from_millis(200));
        assert!(!why(&slow, true).unwrap().1);
    }
}
