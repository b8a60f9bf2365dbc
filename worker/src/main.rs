//! The worker program: settings, telemetry, then `run`, `migrate` or `new-epoch`.

use anyhow::Context as _;
use clap::Parser;
use shared::{clock::Clock, telemetry};
use tokio_util::sync::CancellationToken;
use worker::config::{Cli, Command};

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let fallback = shared::config::TelemetryConfig::default();
    let (node, traces) = match &cli.command {
        Command::Run(config) => (config.node.node.clone(), &config.telemetry),
        Command::Migrate(_) | Command::NewEpoch(_) => (String::new(), &fallback),
    };
    let telemetry =
        telemetry::start("worker", &node, traces).context("starting logs and traces")?;
    #[cfg(feature = "sabotage")]
    worker::sabotage::arm()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting tokio")?;
    let done = runtime.block_on(async {
        match cli.command {
            Command::Run(config) => worker::run(*config, Clock::system(), stop_signal()?).await,
            Command::Migrate(config) => worker::migrate(&config, Clock::system()).await,
            Command::NewEpoch(config) => worker::new_epoch(&config).await,
        }
    });
    drop(runtime);
    telemetry.shutdown();
    done
}

/// A token that SIGTERM or Ctrl-C cancels.
fn stop_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let token = stop.clone();
    #[expect(clippy::disallowed_methods, reason = "lives as long as the process")]
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        token.cancel();
    });
    Ok(stop)
}
