//! How close to the limit: the cluster and a server that only copies, in turns,
//! by the same generator on the same machine.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};

use super::{
    fanout::Fanout,
    figures::{deliver_figure, figure},
    options::Options,
    pacer::Plan,
    progress,
    run::{Run, Shape, Window},
    search,
    target::Target,
};
use crate::measure::{Better, Figure, Report, Role};

/// Each is driven so often, one after the other: what the machine does besides
/// meets both.
const TURNS: usize = 2;

/// One of the two.
struct Side {
    run: Run,
    /// The highest rate that it sustains.
    most: f64,
    half: Vec<Window>,
    full: Vec<Window>,
}

/// Runs the comparison.
pub async fn run(room: &Fanout, options: &Options) -> Result<Report> {
    let bare = Bare::start(room.coalesce)?;
    let target = Target::Bare {
        address: bare.address,
        pid: bare.child.id(),
    };
    let mut limit = Side::start(room, options, target, "limit").await?;
    let target = Target::confab(options, &[]).await?;
    let mut cluster = Side::start(room, options, target, "fanout against limit").await?;
    // Both at half of what the weaker sustains: the same work for both.
    let half = limit.most.min(cluster.most) / 2.0;
    for _ in 0..TURNS {
        for side in [&mut limit, &mut cluster] {
            let windows = side.measure(room, half).await?;
            side.half.extend(windows);
            let windows = side.measure(room, side.most).await?;
            side.full.extend(windows);
        }
    }
    limit.run.settle().await?;
    let figures = compare(&limit, &cluster);
    let windows: Vec<Window> = [cluster.half, cluster.full].concat();
    let mut report = cluster.run.finish(&windows).await?;
    for window in limit.full.iter().chain(&limit.half) {
        report.validity.busy = report.validity.busy.max(window.busy);
    }
    report.set("half load", format!("{half:.0}/s"));
    report.set(
        "limit writes",
        if room.coalesce { "turns" } else { "messages" },
    );
    let checks = &limit.run.total.checks;
    report.promise(
        "every message of the bare server arrives, too",
        format!("{} missing", checks.missing),
        checks.hold(),
    );
    report.figures.extend(figures);
    Ok(report)
}

impl Side {
    async fn start(room: &Fanout, options: &Options, target: Target, name: &str) -> Result<Self> {
        let mut run = Run::on(target, name, options, &Shape::default())?;
        room.gather(&mut run).await?;
        let plan = room.publishing.plan(room.publishers);
        let most = search::find_max(&mut run, plan).await?.rate;
        Ok(Self {
            run,
            most,
            half: Vec::new(),
            full: Vec::new(),
        })
    }

    async fn measure(&mut self, room: &Fanout, rate: f64) -> Result<Vec<Window>> {
        let plan = Plan {
            rate,
            ..room.publishing.plan(room.publishers)
        };
        progress::say(&format!("{} at {rate:.0}/s", self.run.report.scenario));
        let windows = self.run.measure(&plan).await?;
        self.run.settle().await?;
        Ok(windows)
    }
}

/// The figures of both, and the ratios that we steer by.
fn compare(limit: &Side, cluster: &Side) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (load, ours, bare) in [
        ("half load", &cluster.half, &limit.half),
        ("maximum", &cluster.full, &limit.full),
    ] {
        let per_cpu = |name: &str, windows: &[Window], role| {
            let name = format!("{name} deliveries per CPU second at {load}");
            figure(windows, (&name, "/s", Better::More), |window| {
                window.per_cpu(role, window.tally.checks.received)
            })
        };
        let rate = |name: &str, windows: &[Window]| {
            let name = format!("{name} deliveries at {load}");
            figure(windows, (&name, "/s", Better::More), |window| {
                window.per_second(window.tally.checks.received)
            })
        };
        for (what, ours, bare) in [
            (
                "deliveries per CPU second",
                per_cpu("gateway", ours, Role::Gateway),
                per_cpu("limit", bare, Role::Limit),
            ),
            ("deliveries", rate("cluster", ours), rate("limit", bare)),
        ] {
            let name = format!("of the limit's {what} at {load}");
            figures.extend([ratio(&name, &ours, &bare), ours, bare]);
        }
        for (name, windows) in [("cluster", ours), ("limit", bare)] {
            let name = format!("{name} deliver p99 at {load}");
            figures.push(deliver_figure(windows, &name, 0.99));
        }
    }
    figures
}

fn ratio(name: &str, ours: &Figure, bare: &Figure) -> Figure {
    let values = ours.windows.iter().zip(&bare.windows);
    let percent = values.map(|(ours, bare)| ours / bare * 100.0);
    Figure::of(name, "%", Better::More, percent.collect())
}

/// The bare server, in a process of its own that ends with this one.
struct Bare {
    child: Child,
    address: SocketAddr,
}

impl Bare {
    fn start(coalesce: bool) -> Result<Self> {
        let program = std::env::current_exe().context("finding the running program")?;
        let mut command = Command::new(program);
        command.args(["limit", "--until-eof"]);
        if coalesce {
            command.arg("--coalesce");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the bare server")?;
        let stdout = child.stdout.take().context("it has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line
            .split_whitespace()
            .find_map(|word| word.trim_start_matches("ws://").parse().ok())
            .with_context(|| format!("the bare server says no address: {line}"))?;
        Ok(Self { child, address })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended by itself; what matters is that it has.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
