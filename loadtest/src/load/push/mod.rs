//! Pushes: people who are away are mentioned, and their browsers are told; what that costs, beside a bare loop that does
//! nothing but encrypt and sign.
//!
//! - [`stage`] is the server and its people, [`writer`] mentions them, [`ledger`] holds what arrived against it;
//! - [`floor`] is the bare loop; [`send_path`] asks what all of it costs those who send.

mod floor;
mod ledger;
mod send_path;
mod stage;
mod writer;

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Args;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use self::{
    floor::Floor,
    ledger::{PushComparison, PushLedger},
    stage::{Crowd, PushStage},
    writer::Written,
};
use super::{
    options::Options,
    progress,
    tally::{Latencies, Tally},
    target::Target,
};
use crate::{
    cluster::Cluster,
    measure::{Better, Figure, Latency, Report, Role, Sampler, Usage, real},
    push_service::{PushService, count_waiting, generate_sender},
};

/// How long it may take until nothing waits, once nobody writes: a lease, and some.
const CALM: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(250);
/// Of the pushes that follow from the mentions, this share must arrive within a window: with less a queue grows.
const KEPT_UP: f64 = 0.97;

/// People who are away, and are mentioned.
#[derive(Debug, Clone, Args)]
pub struct Mentioned {
    /// Accounts that are away; each is a member of one server.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub accounts: usize,
    /// Devices of each, all of which are told.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub devices: usize,
    /// Mentions per second: each account that a message names is one.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000.0)]
    pub rate: f64,
    /// Accounts that a message names.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub named: usize,
    /// Measures instead what messages that mention nobody cost, so many a second: without the index of notifications, with
    /// it, and while somebody has a device, in turns, one of each in a window.
    #[arg(long)]
    pub send_path: bool,
}

/// What was measured between two moments.
struct PushWindow {
    seconds: f64,
    /// Those of the arrivals that came in it.
    arrivals: Range<usize>,
    usage: BTreeMap<Role, Usage>,
}

impl Mentioned {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        if self.send_path {
            return Box::pin(send_path::run(self.rate, options)).await;
        }
        let crowd = self.crowd(options)?;
        let ledger = Arc::new(PushLedger::default());
        let noted = ledger.clone();
        let service = PushService::start_for(move |browser, body| noted.note(browser, body));
        let service = service.await?;
        let (private, key) = generate_sender()?;
        let target = Target::confab(options, &service.settings(&private)).await?;
        let cluster = target.cluster().context("a private cluster is needed")?;
        let stage = PushStage::open(cluster, crowd, (&service, &key)).await?;
        // As in a deployment that is older than a minute.
        cluster
            .sql(async |client| client.batch_execute("ANALYZE").await)
            .await?;
        let people = crowd.accounts;
        progress::say(&format!("push: {people} people are members, and away"));

        let stop = CancellationToken::new();
        let stage = Arc::new(stage);
        let mut writing = JoinSet::new();
        writing.spawn({
            let (stage, stop) = (stage.clone(), stop.clone());
            let rate = self.rate / real(self.named as u64);
            async move { writer::write(&stage, rate, stop).await }
        });
        let mut sampler = Sampler::default();
        target.watch(&mut sampler);
        sampler.watch(Role::Generator, std::process::id());
        watch(&mut sampler, &ledger, options.warm_up).await;
        let mut windows = Vec::new();
        for _ in 0..options.windows {
            windows.push(watch(&mut sampler, &ledger, options.seconds).await);
        }
        stop.cancel();
        let written = writing.join_next().await.context("who writes")??;
        wait_until_calm(cluster).await?;
        let floor = Floor::measure(ledger.mean_bytes()).await?;

        let mut report = self.describe(options, cluster);
        report.set("bytes of a push", ledger.mean_bytes());
        report.seconds = sampler.seconds().to_vec();
        let found = ledger.compare(&written.0);
        let refused = service.count_refused();
        self.judge(&mut report, (&written.1, &found, refused), &windows);
        report.figures = figures(&windows, &found, &floor);
        note_latencies(&mut report, &written, &found, (&windows, options))?;
        Ok(report)
    }

    fn crowd(&self, options: &Options) -> Result<Crowd> {
        ensure!(self.rate > 0.0, "nobody would be mentioned");
        // And a second, for what the windows take longer than they are.
        let seconds = options.warm_up + options.windows * options.seconds + 1;
        let messages = (self.rate / real(self.named as u64) * f64::from(seconds)).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate times seconds"
        )]
        let messages = messages as usize;
        let crowd = Crowd {
            accounts: self.accounts,
            devices: self.devices,
            named: self.named,
            messages,
        };
        crowd.check()?;
        Ok(crowd)
    }

    fn describe(&self, options: &Options, cluster: &Cluster) -> Report {
        let mut report = Report::new("push");
        report.set("accounts", self.accounts);
        report.set("devices of an account", self.devices);
        report.set("mentions", format!("{}/s", self.rate));
        report.set("accounts that a message names", self.named);
        report.set("warm-up", format!("{} s", options.warm_up));
        let windows = format!("{} of {} s", options.windows, options.seconds);
        report.set("windows", windows);
        report.set("gateways", cluster.gateways.len());
        report.set("workers", cluster.workers.len());
        report
    }

    /// Says what became of every push, and whether they kept up.
    fn judge(
        &self,
        report: &mut Report,
        (written, found, refused): (&Tally, &PushComparison, u32),
        windows: &[PushWindow],
    ) {
        report.checks = written.checks.clone();
        report.checks.add(&found.checks);
        let checks = &report.checks;
        let (missing, expected, double) = (checks.missing, checks.expected, checks.double);
        let (strange, unanswered) = (checks.corrupt, checks.refused + checks.unknown);
        let measured = format!(
            "{missing} of {expected} missing, {double} double, {strange} strange, {refused} refused by the service, {unanswered} messages not acknowledged"
        );
        let kept = checks.hold() && refused == 0 && unanswered == 0;
        let promise = "each mention is told to each device of the account once";
        report.promise(promise, measured, kept);
        let pushes: usize = windows.iter().map(|window| window.arrivals.len()).sum();
        let seconds: f64 = windows.iter().map(|window| window.seconds).sum();
        let arrived = real(pushes as u64) / seconds;
        let due = self.rate * real(self.devices as u64);
        report.promise(
            "pushes arrive as fast as people are mentioned",
            format!("{arrived:.0} of {due:.0}/s"),
            arrived >= due * KEPT_UP,
        );
    }
}

/// Lets seconds pass, and measures them.
async fn watch(sampler: &mut Sampler, ledger: &PushLedger, seconds: u32) -> PushWindow {
    let (began, from, first) = (Instant::now(), sampler.mark(), ledger.count());
    let mut last = first;
    for second in 1..=seconds {
        let until = began + Duration::from_secs(second.into());
        sleep(until.saturating_duration_since(Instant::now())).await;
        let count = ledger.count();
        let mut tally = Tally::default();
        tally.checks.received = (count - last) as u64;
        last = count;
        let rates = BTreeMap::from([("delivered".to_owned(), real(tally.checks.received))]);
        let second = sampler.sample(rates);
        progress::say(&progress::line(&second, &tally));
    }
    PushWindow {
        arrivals: first..ledger.count(),
        usage: sampler.mark().since(&from),
        seconds: began.elapsed().as_secs_f64(),
    }
}

/// Waits until every notification has ended and no push is left: from then on none comes a second time.
async fn wait_until_calm(cluster: &Cluster) -> Result<()> {
    let began = Instant::now();
    while count_waiting(cluster).await? > 0 {
        if began.elapsed() > CALM {
            progress::say("push: something still waits");
            break;
        }
        sleep(POLL).await;
    }
    Ok(())
}

/// How old the pushes of a window were.
fn ages(window: &PushWindow, found: &PushComparison) -> Latency {
    let mut ages = Latency::default();
    let arrived = found.ages.get(window.arrivals.clone()).unwrap_or_default();
    for age in arrived.iter().flatten() {
        ages.record_nanos(*age);
    }
    ages
}

fn figures(windows: &[PushWindow], found: &PushComparison, floor: &Floor) -> Vec<Figure> {
    let of = |name: &str, (unit, better), value: &dyn Fn(&PushWindow) -> f64| {
        Figure::of(name, unit, better, windows.iter().map(value).collect())
    };
    let pushes = |window: &PushWindow| real(window.arrivals.len() as u64);
    let cpu = |window: &PushWindow, role: Role| {
        let used = window.usage.get(&role).map_or(f64::NAN, |usage| usage.cpu);
        used * 1e6 / pushes(window)
    };
    let per_second = |window: &PushWindow| pushes(window) / window.seconds;
    let mut figures = vec![of("pushes", ("/s", Better::More), &per_second)];
    for (name, quantile) in [("age p50", 0.5), ("age p99", 0.99)] {
        let age = |window: &PushWindow| ages(window, found).millis(quantile);
        figures.push(of(name, ("ms", Better::Less), &age));
    }
    for role in [Role::Worker, Role::Postgres, Role::Gateway, Role::Generator] {
        let name = format!("{} CPU per push", role.name());
        let used = |window: &PushWindow| cpu(window, role);
        figures.push(of(&name, ("µs", Better::Less), &used));
    }
    for (bare, name) in floor.costs() {
        let times = |window: &PushWindow| cpu(window, Role::Worker) / bare;
        figures.push(Figure::once(name, "µs", Better::Less, bare));
        let name = format!("worker CPU per push, of {name}");
        figures.push(of(&name, ("times", Better::Less), &times));
    }
    figures
}

/// Notes how long things took, and what was asked of that.
fn note_latencies(
    report: &mut Report,
    (_, written): &Written,
    found: &PushComparison,
    (windows, options): (&[PushWindow], &Options),
) -> Result<()> {
    let mut latencies = Latencies::default();
    for window in windows {
        latencies.deliver.merge(&ages(window, found));
        for (role, usage) in &window.usage {
            report.usage.entry(*role).or_default().follow(usage);
        }
    }
    latencies.ack.merge(&written.latencies.ack);
    for objective in options.objectives(false)? {
        objective.note(report, &latencies);
    }
    for (name, latency) in [("age", &latencies.deliver), ("ack", &latencies.ack)] {
        let latency = latency.percentiles();
        report.latencies.insert(name.to_owned(), latency);
    }
    report.validity.lateness = written.latencies.late.percentiles();
    // Its runtime has a thread for each CPU, and spreads what there is to do.
    let threads = std::thread::available_parallelism()?.get() as u64;
    let busy = windows.iter().filter_map(|window| {
        let used = window.usage.get(&Role::Generator)?;
        Some(used.cpu / window.seconds / real(threads))
    });
    report.validity.busy = busy.fold(0.0, f64::max);
    Ok(())
}
