//! The program `gateway`: settings, telemetry, serve, drain; or `health`.

use anyhow::Context;
use gateway::{
    config::{Cli, Command, Config},
    limits::open_files::raise_open_files,
};
use shared::{bus::Bus, config::parse, health::check_health, shutdown::stop_signal, telemetry};
use tokio::net::TcpListener;

fn main() -> anyhow::Result<()> {
    let Cli { config, command } = parse();
    if let Some(Command::Health(config)) = command {
        return Ok(check_health(&config)?);
    }
    let _telemetry = telemetry::start("gateway", &config.node.node, &config.telemetry)
        .context("starting logs and traces")?;
    if let Err(error) = raise_open_files() {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    #[cfg(feature = "sabotage")]
    gateway::sabotage::arm()?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?
        .block_on(serve(config))
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let shutdown = stop_signal().context("listening for signals")?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listening on {}", config.listen))?;
    let ops = TcpListener::bind(config.ops.ops_listen)
        .await
        .with_context(|| format!("listening on {}", config.ops.ops_listen))?;
    let connect = Bus::connect(config.bus.redis_url.expose());
    let bus = tokio::select! {
        bus = connect => bus.context("connecting to Redis")?,
        () = shutdown.cancelled() => return Ok(()),
    };
    gateway::run(config, listener, ops, bus, shutdown)
        .await
        .context("serving")
}
