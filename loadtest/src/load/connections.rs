//! What connections cost: held idle, opened in a storm, opened and closed again and again.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use clap::Args;
use tokio::time::sleep;

use super::{
    figures::{self, figure},
    options::{Options, Publishing},
    run::Run,
    shard::Shard,
};
use crate::measure::{Better, Figure, Report, Role, Usage, real};

/// Memory is looked at after this time: allocators give back what a rush needed.
const CALM: Duration = Duration::from_secs(2);

/// Connections that do nothing.
#[derive(Debug, Clone, Args)]
pub struct Idle {
    /// How many.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    pub connections: usize,
    /// Servers that each account is a member of.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub servers: usize,
}

/// Everyone connects at once.
#[derive(Debug, Clone, Args)]
pub struct Storm {
    /// How many.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    pub connections: usize,
    /// Connections opened per second; as fast as possible when absent.
    #[arg(long, value_name = "COUNT")]
    pub ramp: Option<f64>,
    /// How often all connect.
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    pub rounds: u32,
}

/// Members come and go while others talk.
#[derive(Debug, Clone, Args)]
pub struct Churn {
    /// Members of the room.
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    pub members: usize,
    /// Members that are cut, again and again, each second.
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    pub cut: usize,
    /// Seconds of coming and going.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub churn: u32,
    /// How the others publish.
    #[command(flatten)]
    pub publishing: Publishing,
}

impl Idle {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        let mut run = recruit("idle", self.connections, self.servers, options).await?;
        run.report.set("servers of a member", self.servers);
        // What making the members left in the allocator would hide what they cost.
        run.restart_gateways().await?;
        sleep(CALM).await;
        let before = run.mark();
        let empty = run.since(&before);
        let took = run.connect(None).await?;
        sleep(CALM).await;
        let windows = run.windows().await?;
        let connections = real(self.connections as u64);
        let rate = connections / took.as_secs_f64();
        let mut figures = vec![Figure::once("connections opened", "/s", Better::More, rate)];
        if let Some(empty) = empty.get(&Role::Gateway) {
            let of = |name: &str, unit: &str, value: &dyn Fn(&Usage) -> f64| {
                figure(&windows, (name, unit, Better::Less), |window| {
                    let usage = window.usage.get(&Role::Gateway);
                    usage.map_or(f64::NAN, value)
                })
            };
            figures.push(of("gateway memory per connection", "bytes", &|usage| {
                (real(usage.resident) - real(empty.resident)) / connections
            }));
            figures.push(of("gateway CPU, idle", "%", &|usage| {
                usage.cpu / usage.seconds * 100.0
            }));
            let switches = "gateway switches per connection, idle";
            figures.push(of(switches, "/s", &|usage| {
                real(usage.voluntary) / usage.seconds / connections
            }));
        }
        let mut report = run.finish(&windows).await?;
        report.promise(
            "no connection is lost",
            report.checks.lost_connections.to_string(),
            report.checks.lost_connections == 0,
        );
        report.figures.extend(figures);
        Ok(report)
    }
}

impl Storm {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        ensure!(self.rounds > 0, "nobody connects");
        let mut run = recruit("storm", self.connections, 1, options).await?;
        let connections = real(self.connections as u64);
        let mut rates = Vec::new();
        let mut costs: BTreeMap<Role, Vec<f64>> = BTreeMap::new();
        for _ in 0..self.rounds {
            let before = run.mark();
            let took = run.connect(self.ramp).await?;
            rates.push(connections / took.as_secs_f64());
            for (role, used) in run.since(&before) {
                costs.entry(role).or_default().push(connections / used.cpu);
            }
            run.second().await?;
            run.tell(.., Shard::disconnect).await?;
            sleep(CALM).await;
        }
        let mut report = run.finish(&[]).await?;
        let rates = Figure::of("authenticated connections", "/s", Better::More, rates);
        report.figures.push(rates);
        for (role, values) in costs {
            let name = format!("authenticated connections per {} CPU second", role.name());
            let figure = Figure::of(&name, "/s", Better::More, values);
            report.figures.push(figure);
        }
        Ok(report)
    }
}

impl Churn {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        let mut run = recruit("churn", self.members, 1, options).await?;
        self.publishing.describe(&mut run.report);
        run.connect(None).await?;
        run.publish(&self.publishing.plan(1)).await?;
        run.warm_up().await?;
        let window = run.window().await?;
        let each = self.cut / run.readers();
        let mut points = Vec::new();
        let began = Instant::now();
        for second in 1..=self.churn {
            run.tell(1.., move |shard| shard.cut(each)).await?;
            let until = Duration::from_secs(second.into());
            sleep(until.saturating_sub(began.elapsed())).await;
            run.second().await?;
            let mark = run.mark();
            if let Some(gateway) = run.since(&mark).get(&Role::Gateway) {
                let resumes = real(run.total.checks.resumes);
                points.push((resumes, real(gateway.resident)));
            }
        }
        run.arrive().await?;
        let mut report = figures::report(run, &[window]).await?;
        if let Some(slope) = slope(&points) {
            let name = "gateway memory per reconnect";
            let figure = Figure::once(name, "bytes", Better::Less, slope);
            report.figures.push(figure);
        }
        Ok(report)
    }
}

/// Members of so many servers, not connected yet.
async fn recruit(scenario: &str, members: usize, servers: usize, options: &Options) -> Result<Run> {
    let mut run = Run::start(scenario, options).await?;
    run.report.set("connections", members);
    run.recruit((members, 1), servers, |_member| 0..servers)
        .await?;
    Ok(run)
}

/// The slope of a line through the later half of the points: what a rush
/// needs at first is no leak.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let later = points.get(points.len() / 2..)?;
    let count = real(later.len() as u64);
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| later.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(&|point| point.0), mean(&|point| point.1));
    let spread: f64 = later.iter().map(|point| (point.0 - x).powi(2)).sum();
    let joint: f64 = later
        .iter()
        .map(|point| (point.0 - x) * (point.1 - y))
        .sum();
    (spread > 0.0).then(|| joint / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_is_the_slope_of_the_later_half() {
        let points: Vec<(f64, f64)> = (0..20)
            .map(f64::from)
            .map(|at| (at, if at < 10.0 { 1e6 * at } else { 5.0 * at }))
            .collect();
        assert!((slope(&points).unwrap() - 5.0).abs() < 1e-9);
        assert_eq!(slope(&[]), None);
        assert_eq!(slope(&[(1.0, 2.0)]), None);
    }
}
