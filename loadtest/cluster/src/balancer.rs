//! HAProxy before the gateways: one address, whichever of them live.

use std::{fs, path::Path};

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

use crate::{
    node::Node,
    place::Place,
    services::{POLL, START},
    user::{User, own_folder},
};

/// For two gateways.
const CONFIG: &str = include_str!("../../../deploy/dev/haproxy.cfg");
/// Its name, and that of its folder.
pub(crate) const NAME: &str = "haproxy";

/// The port that it is to listen on: the one that people know, so it is chosen before those of the
/// gateways.
pub(crate) fn choose_port(place: &Place) -> Result<u16> {
    place.ports.choose("HAPROXY_PORT", 8080)
}

/// Starts it.
pub(crate) async fn start(
    place: &Place,
    program: &Path,
    (host, port): (&str, u16),
    gateways: &[Node],
) -> Result<Node> {
    let user = User::of_server(NAME)?;
    let home = place.data.join(NAME);
    own_folder(&home, user)?;
    let config = home.join("haproxy.cfg");
    fs::write(&config, CONFIG)?;
    let mut node = Node::new(NAME, program, place, (port, port));
    node.run_as(user)
        .arguments(["-db", "-f", &config.display().to_string()])
        .set("CONFAB_HOST", host)
        .set("CONFAB_PORT", &port.to_string());
    for (number, gateway) in (1..).zip(gateways) {
        let (port, ops) = (gateway.port().to_string(), gateway.ops_port().to_string());
        node.set(&format!("GATEWAY_{number}_PORT"), &port)
            .set(&format!("GATEWAY_{number}_OPS_PORT"), &ops);
    }
    node.start()?;
    let deadline = Instant::now() + START;
    while !node.listens(port) {
        if !node.runs() || Instant::now() > deadline {
            bail!("{NAME} does not start\n{}", node.tail());
        }
        sleep(POLL).await;
    }
    Ok(node)
}
