//! Where systemd starts the programs it hears when each is ready, and when one stops.

use std::{env::temp_dir, fs::remove_file, process, time::Duration};

use anyhow::{Context as _, Result};
use loadtest::{
    cluster::{Settings, Signal},
    harness::{holds, scenario_on},
};
use tokio::{net::UnixDatagram, time::timeout};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn systemd_hears_that_a_program_is_ready_and_that_it_stops() -> Result<()> {
    let path = temp_dir().join(format!("confab-notify-{}", process::id()));
    let systemd = UnixDatagram::bind(&path)?;
    let settings = Settings {
        environment: vec![("NOTIFY_SOCKET", path.display().to_string())],
        ..Settings::default()
    };
    let told = scenario_on(settings, async |harness| {
        let (gateways, workers) = (&harness.cluster.gateways, &harness.cluster.workers);
        for _each in gateways.iter().chain(workers) {
            let ready = hear(&systemd).await?;
            holds(ready == "READY=1", &format!("it said {ready:?}"))?;
        }
        let gateway = gateways.first().context("there is no gateway")?;
        gateway.signal(Signal::TERM)?;
        let stopping = hear(&systemd).await?;
        holds(stopping == "STOPPING=1", &format!("it said {stopping:?}"))
    })
    .await;
    remove_file(&path)?;
    told
}

async fn hear(systemd: &UnixDatagram) -> Result<String> {
    let mut said = [0; 256];
    let heard = timeout(PATIENCE, systemd.recv(&mut said)).await;
    let length = heard.context("nobody said anything")??;
    let said = said.get(..length).unwrap_or_default();
    Ok(String::from_utf8_lossy(said).trim_end().to_owned())
}
