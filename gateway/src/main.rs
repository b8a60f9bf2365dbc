//! The program `gateway`: settings, telemetry, serve, drain; or `health`.

use anyhow::Context;
use gateway::{
    config::{Cli, Command, Config},
    limits::open_files::fit_connections,
};
use shared::{
    bus::Bus, config::parse, health::check_health, open_files::raise_open_files,
    shutdown::stop_signal, telemetry,
};
use tokio::net::TcpListener;

fn main() -> anyhow::Result<()> {
    let Cli {
        mut config,
        command,
    } = parse();
    if let Some(Command::Health(config)) = command {
        return Ok(check_health(&config)?);
    }
    let _telemetry = telemetry::start("gateway", &config.node.node, &config.telemetry)
        .context("starting logs and traces")?;
    let open_files = raise_open_files();
    let wanted = config.limits.max_connections;
    config.limits.max_connections = fit_connections(wanted, open_files);
    if config.limits.max_connections < wanted {
        let connections = config.limits.max_connections;
        tracing::warn!(
            open_files,
            connections,
            "fewer connections than wanted: a process may open too few files"
        );
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
