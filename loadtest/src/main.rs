//! The load tester's program: a command per scenario of load, `demo`, `verify`, and what they
//! are compared with.
#![expect(clippy::print_stdout, reason = "what it prints is the product")]

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::Result;
use clap::{Parser, Subcommand};
use loadtest::{checker, demo, history, limit, load, measure, plan, smoke, verify};

#[derive(Parser)]
#[command(version, about = "Proves what a Confab cluster promises", after_help = load::TO_COME)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Load(load::Scenario),
    /// Two people talk while gateways and workers are killed; nothing may be missing.
    Demo,
    /// Tries a cluster that runs somewhere: two gateways, one of which is lost.
    Smoke(smoke::Arguments),
    /// Tries promises under faults, each on a cluster of its own.
    Verify(verify::Arguments),
    /// Checks a history file that a fault run wrote.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// A bare fan-out server: what one client sends goes to all, with no rule and no Redis.
    Limit(limit::fanout::Arguments),
    /// A bare batch writer: the rows of messages into a Postgres of its own.
    Storage(limit::storage::Arguments),
    /// Two reports of one scenario, side by side.
    Compare(measure::compare::Arguments),
    /// How large a deployment has to be, as values of the Helm chart.
    Plan(plan::Arguments),
}

fn main() -> Result<ExitCode> {
    let cli = Cli::parse();
    if let Command::Verify(arguments) = &cli.command {
        verify::isolate::enter_network(arguments)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(cli.command))
}

async fn run(command: Command) -> Result<ExitCode> {
    let holds = match command {
        Command::Load(scenario) => show(&Box::pin(load::run(scenario)).await?),
        Command::Demo => {
            let began = Instant::now();
            let say = |line: &str| println!("{:6.2} s  {line}", began.elapsed().as_secs_f32());
            Box::pin(demo::run(say)).await?;
            true
        }
        Command::Smoke(arguments) => {
            Box::pin(smoke::run(&arguments, |line| println!("{line}"))).await?;
            true
        }
        Command::Verify(arguments) => {
            Box::pin(verify::run(&arguments, &|line| println!("{line}"))).await?
        }
        Command::Check { file } => {
            let report = checker::check(&history::read(&file)?);
            print!("{report}");
            report.holds()
        }
        Command::Limit(arguments) => {
            // The server is one thread of its own: the runtime is idle beside it.
            limit::fanout::run(&arguments, |line| println!("{line}"))?;
            true
        }
        Command::Storage(arguments) => show(&Box::pin(limit::storage::run(&arguments)).await?),
        Command::Compare(arguments) => {
            let comparison = measure::compare::run(&arguments)?;
            println!("{}", comparison.text);
            comparison.holds
        }
        Command::Plan(arguments) => {
            let measured = plan::measured::Measured::built_in()?;
            print!("{}", plan::run(&arguments, &measured)?);
            true
        }
    };
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Prints a report; says whether it passes.
fn show(report: &measure::Report) -> bool {
    print!("{}", measure::table::render(report));
    report.passes()
}
