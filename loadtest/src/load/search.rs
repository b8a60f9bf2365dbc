//! The highest rate at which an objective holds: steps of half as much again, then halves.

use anyhow::{Result, ensure};

use super::{
    objective::Objective,
    pacer::Plan,
    progress,
    run::{Run, Window},
};
use crate::measure::{Better, Figure, Validity, real};

/// Each step asks for so much more.
const STEP: f64 = 1.5;
/// Steps before the search gives up: 1.5^40 is ten million times the first rate.
const MAX_STEPS: u32 = 40;
/// Halvings once a rate failed: the answer is then 3 % fine.
const HALVINGS: u32 = 4;
/// Of what was sent, this share must be acknowledged within the window: less
/// and a queue grows.
const KEPT_UP: f64 = 0.97;

/// Why a rate does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    why: String,
    /// Whether it was the generator that could do no more.
    generator: bool,
}

/// Searches upwards from the rate of a plan for the highest one that holds, and notes it.
pub async fn find_max(run: &mut Run, mut plan: Plan) -> Result<Plan> {
    let objectives = run.options.objectives(true)?;
    let mut most = 0.0;
    let mut broken = None;
    for _ in 0..MAX_STEPS {
        let rate = plan.rate;
        if let Some(fault) = try_twice(run, &plan, &objectives).await? {
            broken = Some((rate, fault));
            break;
        }
        most = rate;
        plan.rate *= STEP;
    }
    for _ in 0..HALVINGS {
        let known = broken.as_ref();
        let Some((broke, _)) = known.filter(|(broke, _)| most > 0.0 || *broke >= 1.0) else {
            break;
        };
        plan.rate = f64::midpoint(most, *broke);
        match try_twice(run, &plan, &objectives).await? {
            Some(fault) => broken = Some((plan.rate, fault)),
            None => most = plan.rate,
        }
    }
    let sustained = Figure::once("sustained messages", "/s", Better::More, most);
    run.report.figures.push(sustained);
    if let Some((broke, Fault { why, generator })) = broken {
        ensure!(most > 0.0, "not even the first rate holds: {why}");
        run.report.set("breaks at", format!("{broke:.0}/s: {why}"));
        if generator {
            let doubt = "the generator could do no more: the cluster's maximum is higher";
            run.report.validity.doubts.push(doubt.to_owned());
        }
    }
    plan.rate = most;
    Ok(plan)
}

/// Tries the rate of a plan; twice before it counts as too high, as other
/// programs of the machine may have been in the way.
async fn try_twice(run: &mut Run, plan: &Plan, objectives: &[Objective]) -> Result<Option<Fault>> {
    if try_once(run, plan, objectives).await?.is_none() {
        return Ok(None);
    }
    try_once(run, plan, objectives).await
}

async fn try_once(run: &mut Run, plan: &Plan, objectives: &[Objective]) -> Result<Option<Fault>> {
    run.publish(plan).await?;
    run.warm_up().await?;
    let window = run.window().await?;
    let settled = run.settle().await?;
    let fault = find_fault(&window, objectives, settled, run.target.acknowledges());
    let outcome = match &fault {
        None => "holds".to_owned(),
        Some(Fault { why, .. }) => format!("does not hold: {why}"),
    };
    progress::say(&format!("{:.0}/s {outcome}", plan.rate));
    Ok(fault)
}

/// Why a window does not hold.
fn find_fault(
    window: &Window,
    objectives: &[Objective],
    settled: bool,
    acknowledges: bool,
) -> Option<Fault> {
    let latencies = &window.tally.latencies;
    let generator = Validity {
        lateness: latencies.late.percentiles(),
        busy: window.busy,
        doubts: Vec::new(),
    };
    if let Some(why) = generator.faults().pop() {
        let generator = true;
        return Some(Fault { why, generator });
    }
    let checks = &window.tally.checks;
    let behind = real(checks.acknowledged) < real(checks.sent) * KEPT_UP;
    let why = if !settled {
        "messages are missing".to_owned()
    } else if acknowledges && behind {
        "a queue grows".to_owned()
    } else {
        let broken = |objective: &&Objective| !objective.holds(latencies);
        let broken = objectives.iter().find(broken)?;
        format!("{:.1} ms", broken.measured(latencies))
    };
    let generator = false;
    Some(Fault { why, generator })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::load::tally::Tally;

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
        let why = |window: &Window, settled| find_fault(window, &objective, settled, true);
        assert_eq!(why(&window(), true), None);
        assert!(!why(&window(), false).unwrap().generator);

        let mut busy = window();
        busy.busy = 0.9;
        assert!(why(&busy, true).unwrap().generator);

        let mut behind = window();
        behind.tally.checks.acknowledged = 90;
        assert_eq!(why(&behind, true).unwrap().why, "a queue grows");

        let mut slow = window();
        slow.tally
            .latencies
            .deliver
            .record(Duration::from_millis(200));
        assert!(!why(&slow, true).unwrap().generator);
    }
}
