//! The worker program: settings, telemetry, then `run`, `migrate`, `new-epoch`, `admin` or `health`.

use anyhow::Context as _;
use shared::{clock::Clock, config::parse, health::check_health, shutdown::stop_signal, telemetry};
use worker::config::{Cli, Command, PushCommand};

fn main() -> anyhow::Result<()> {
    let cli: Cli = parse();
    let fallback = shared::config::TelemetryConfig::default();
    let (node, traces) = match &cli.command {
        Command::Run(config) => (config.node.node.clone(), &config.telemetry),
        Command::Migrate(_)
        | Command::NewEpoch(_)
        | Command::Admin(_)
        | Command::Push(_)
        | Command::Health(_) => (String::new(), &fallback),
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
            Command::Run(config) => {
                let stop = stop_signal().context("listening for signals")?;
                worker::run(*config, Clock::system(), stop).await
            }
            Command::Migrate(config) => worker::migrate(&config, Clock::system()).await,
            Command::NewEpoch(config) => worker::new_epoch(&config).await,
            Command::Admin(command) => worker::admin(command).await,
            Command::Push(PushCommand::Keys) => worker::print_push_keys(),
            Command::Push(PushCommand::Bench(bench)) => worker::print_push_costs(bench),
            Command::Health(config) => Ok(check_health(&config)?),
        }
    });
    drop(runtime);
    telemetry.shutdown();
    done
}
