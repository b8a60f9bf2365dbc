//! The cluster of `make up`: two gateways and two workers with data that stay. `deploy/dev/cluster`
//! installs and builds what this needs, and runs it in the checkout.

mod dev;

use std::{
    io::{Write as _, stdout},
    process::ExitCode,
};

use anyhow::Result;
use clap::{Parser, Subcommand, builder::FalseyValueParser};

use cluster::environment::say;
use dev::{home::Home, stop, up};

#[derive(Parser)]
#[command(version, about = "The development cluster of this checkout")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts it and stays until Ctrl-C.
    Up(up::Options),
    /// Prints where it is, as variables for a shell. What one that was killed left behind may
    /// be somebody else's address by now: it is not told.
    Env,
    /// Stops it, from any shell.
    Down,
    /// Deletes its data.
    Reset {
        /// Stops it first, if it runs.
        #[arg(long, env = "YES", value_parser = FalseyValueParser::new())]
        yes: bool,
    },
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run(Cli::parse().command)));
    done.unwrap_or_else(|error| {
        say(format_args!("confab: {error:#}"));
        ExitCode::FAILURE
    })
}

async fn run(command: Command) -> Result<ExitCode> {
    let home = Home::open()?;
    match command {
        Command::Up(options) => return up::run(&home, &options).await,
        Command::Env => stdout().write_all(&home.variables()?)?,
        Command::Down => stop::down(&home).await?,
        Command::Reset { yes } => stop::reset(home, yes).await?,
    }
    Ok(ExitCode::SUCCESS)
}
