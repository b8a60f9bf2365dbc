//! What notifications cost those who send: the same messages, which mention nobody, without the index of the planner, with
//! it, and while somebody has a device, so that the planner reads each of them. What an entry of the index costs is too
//! little to be seen in that on most machines, so it is measured alone, too.

use anyhow::{Context, Result};
use shared::protocol::push::PushDevice;

use crate::{
    away::come_by_requests,
    cluster::Cluster,
    limit::storage,
    load::{
        figures::figure,
        options::Options,
        pacer::{Pacing, Plan, Popularity},
        progress, rooms,
        run::{Run, Shape, Window},
    },
    measure::{Better, Figure, Report, Role, real},
    push_service::{Browser, PushService, generate_sender},
    requests::{subscribe_push, unsubscribe_push},
    transport::TransportClient,
};

const ROOMS: usize = 40;
const MEMBERS: usize = 2;
/// As the migration makes it.
const INDEX: &str =
    "CREATE INDEX IF NOT EXISTS events_messages ON events (partition, position) WHERE opcode = 16";
const NO_INDEX: &str = "DROP INDEX IF EXISTS events_messages";
/// Without the index the plan of the look for messages seems dear enough to compile, though nothing of it is run while nobody has a
/// device. With the index it changes nothing.
const NEVER_COMPILE: [&str; 2] = ["ALTER SYSTEM SET jit = off", "SELECT pg_reload_conf()"];
/// What the index may cost of what a message costs.
const MOST: f64 = 1.02;
/// The rows of messages alone: in batches as a busy lane makes them, and in full ones.
const BATCHES: [usize; 2] = [20, 200];
/// Its seconds are for each of a window of the cluster.
const ROWS: storage::Load = storage::Load {
    seconds: 6.0,
    batch: 20,
    rooms: ROOMS,
    content: 200,
    windows: 15,
};

/// Messages in a transaction, and the windows with the index and without, in microseconds.
type RowCosts = (usize, [Vec<f64>; 2]);

/// What a message meets, in the order of a round; every second round goes backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    Nothing,
    Index,
    Planner,
}

const MET: [(Met, &str); 3] = [
    (Met::Nothing, "without notifications"),
    (Met::Index, "with their index"),
    (Met::Planner, "with their index, and planned"),
];

/// Runs it.
pub(super) async fn run(rate: f64, options: &Options) -> Result<Report> {
    let service = PushService::start().await?;
    let (private, key) = generate_sender()?;
    let shape = Shape {
        environment: service.settings(&private),
        ..Shape::default()
    };
    let mut run = Run::with("push send path", options, shape).await?;
    run.report.set("rooms", ROOMS);
    run.report.set("members of a room", MEMBERS);
    run.report.set("rate", format!("{rate}/s"));
    let cluster = run
        .target
        .cluster()
        .context("a private cluster is needed")?;
    for statement in NEVER_COMPILE {
        cluster
            .sql(async |client| client.batch_execute(statement).await)
            .await?;
    }
    let rows = Box::pin(compare_rows(cluster, options.seconds)).await?;
    let gateway = cluster.addresses().into_iter().next();
    let (way, _user) = come_by_requests(&gateway.context("a gateway")?).await?;
    let browser = service.subscribe(&key)?;
    let mut switch = Switch {
        way,
        browser,
        is: Met::Index,
    };
    rooms::gather(&mut run, ROOMS, MEMBERS).await?;
    let plan = Plan {
        publishers: ROOMS,
        rate,
        pacing: Pacing::Constant,
        popularity: Popularity::Even,
        window: None,
        typing: 0.0,
    };
    run.publish(&plan).await?;
    run.warm_up().await?;
    let mut windows: [Vec<Window>; 3] = Default::default();
    for round in 0..run.options.windows {
        let mut order: Vec<_> = MET.iter().zip(&mut windows).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for ((met, name), windows) in order {
            switch.set(&run, *met).await?;
            progress::say(&format!("{name}:"));
            run.warm_up().await?;
            windows.push(run.window().await?);
        }
    }
    let mut report = run.finish(&windows.concat()).await?;
    add_figures(&mut report, &windows);
    let message = figure(&windows[0], ("", "µs", Better::Less), |it| cost(it, None));
    add_entry(&mut report, rows, message.value);
    Ok(report)
}

/// What the rows of a message cost Postgres with the index, and without it, for each size of batches.
async fn compare_rows(cluster: &Cluster, seconds: u32) -> Result<Vec<RowCosts>> {
    let postgres = cluster.postgres.pid().context("postgres ended")?;
    let mut rows = Vec::new();
    for batch in BATCHES {
        progress::say(&format!(
            "the rows of messages alone, {batch} in a transaction, with and without the index"
        ));
        let bare = cluster.fresh_database(&format!("bare_{batch}")).await?;
        let load = storage::Load {
            batch,
            seconds: ROWS.seconds * f64::from(seconds),
            ..ROWS
        };
        let costs = storage::compare_index(&bare, postgres, load, [INDEX, NO_INDEX]).await?;
        rows.push((batch, costs));
    }
    Ok(rows)
}

/// Changes what messages meet, while they are sent.
struct Switch {
    /// Somebody whom nobody mentions, and his browser.
    way: TransportClient,
    browser: Browser,
    is: Met,
}

impl Switch {
    async fn set(&mut self, run: &Run, met: Met) -> Result<()> {
        if (self.is == Met::Planner) != (met == Met::Planner) {
            if met == Met::Planner {
                let _device: PushDevice = self.way.call(0, &subscribe_push(&self.browser)).await?;
            } else {
                self.way.call(0, &unsubscribe_push(&self.browser)).await?;
            }
        }
        if (self.is == Met::Nothing) != (met == Met::Nothing) {
            let sql = if met == Met::Nothing { NO_INDEX } else { INDEX };
            let cluster = run.target.cluster().context("a private cluster")?;
            cluster
                .sql(async |client| client.batch_execute(sql).await)
                .await?;
        }
        self.is = met;
        Ok(())
    }
}

/// What a message costs, and how that is to what it costs without notifications.
fn add_figures(report: &mut Report, windows: &[Vec<Window>; 3]) {
    let [bare, ..] = windows;
    for ((met, name), windows) in MET.iter().zip(windows) {
        let costs = |role: Option<Role>| {
            let what = role.map_or("worker and postgres", Role::name);
            let name = format!("{what} CPU per message {name}");
            figure(windows, (&name, "µs", Better::Less), |it| cost(it, role))
        };
        let both = costs(None);
        if *met != Met::Nothing {
            let base = figure(bare, ("", "µs", Better::Less), |it| cost(it, None));
            let times = both.value / base.value;
            let pairs = both.windows.iter().zip(&base.windows);
            let pairs = pairs.map(|(ours, base)| ours / base).collect();
            let name = format!("CPU per message {name}, of that without: pairs");
            report
                .figures
                .push(Figure::of(&name, "times", Better::Less, pairs));
            let name = name.replace(": pairs", ": medians");
            report
                .figures
                .push(Figure::once(&name, "times", Better::Less, times));
        }
        report.figures.push(both);
        report.figures.push(costs(Some(Role::Worker)));
        report.figures.push(costs(Some(Role::Postgres)));
        for (quantile, what) in [(0.5, "p50"), (0.99, "p99")] {
            let name = format!("ack {what} {name}");
            report
                .figures
                .push(figure(windows, (&name, "ms", Better::Less), |it| {
                    it.tally.latencies.ack.millis(quantile)
                }));
        }
    }
}

/// What an entry of the index costs, of what a message costs: a lane does nothing else for notifications. The tables grow
/// from window to window, so each is held against the one beside it.
fn add_entry(report: &mut Report, rows: Vec<RowCosts>, message: f64) {
    let mut dearest = 0.0_f64;
    for (batch, [with, without]) in rows {
        let name = format!("bare postgres CPU per message, {batch} at once");
        let entries = with.iter().zip(&without).map(|(with, bare)| with - bare);
        let name_of_entry = format!("{name}, for an entry of the index: pairs");
        let entry = Figure::of(&name_of_entry, "µs", Better::Less, entries.collect());
        dearest = dearest.max(entry.value);
        let bare = Figure::of(&name, "µs", Better::Less, without);
        report.figures.extend([bare, entry]);
    }
    let times = 1.0 + dearest / message;
    let promise = "who sends pays at most 2 % for notifications";
    report.promise(promise, format!("{times:.3} times"), times <= MOST);
    let name = "CPU per message with an entry of the index, of that without";
    let entry = Figure::once(name, "times", Better::Less, times);
    report.figures.push(entry);
}

/// Microseconds of CPU of a role, or of workers and Postgres, for a message that was acknowledged.
fn cost(window: &Window, role: Option<Role>) -> f64 {
    let roles = role.map_or(vec![Role::Worker, Role::Postgres], |role| vec![role]);
    let used = roles.iter().filter_map(|role| window.usage.get(role));
    let used: f64 = used.map(|usage| usage.cpu).sum();
    used * 1e6 / real(window.tally.checks.acknowledged)
}
