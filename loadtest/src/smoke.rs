//! Whether a running cluster does what it is for: a person on two gateways sends, loses one
//! connection, resumes on the other gateway, and misses nothing. What it made is deleted again.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use shared::{
    ids::{ChannelId, SessionId},
    protocol::account::SignedIn,
};
use tokio::net::lookup_host;

use crate::{
    client::{CallError, Client, Options, log::Seen},
    requests::{
        create_server, delete_account, delete_server, join_as_guest, log_in, revoke_session,
        send_message,
    },
};

/// What the server of the run is called.
const SERVER: &str = "Smoke test";
/// What is said arrives within milliseconds, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(20);

/// Which cluster, and who asks.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The gateways, each `host:port`; one name may stand for several addresses.
    #[arg(required = true)]
    pub gateways: Vec<String>,
    /// The account; without one a guest comes.
    #[arg(long, env = "CONFAB_SMOKE_NAME", requires = "password")]
    pub name: Option<String>,
    /// Its password.
    #[arg(
        long,
        env = "CONFAB_SMOKE_PASSWORD",
        hide_env_values = true,
        requires = "name"
    )]
    pub password: Option<String>,
}

/// Tries the cluster; `say` gets each step as it is taken.
pub async fn run(arguments: &Arguments, say: impl Fn(&str)) -> Result<()> {
    let gateways = find_gateways(&arguments.gateways).await?;
    let [first, second, ..] = gateways.as_slice() else {
        bail!("two gateways are needed, and there is {gateways:?}");
    };
    let here = Client::connect(vec![first.clone()], Options::default());
    let SignedIn {
        token, session_id, ..
    } = sign_in(&here, arguments).await?;
    here.identify(&token).await.context("opening a session")?;
    say(&format!("a session is open on {first}"));

    let created = here.call(0, &create_server(SERVER)).await;
    let created = created.context("creating a server")?;
    let scope = created.server.server_id.get();
    let there = Client::connect(vec![second.clone(), first.clone()], Options::default());
    let played = async {
        there.identify(&token).await?;
        say(&format!("another one is open on {second}"));
        let channel = created.channels.first().context("it has no channel")?;
        talk(&here, &there, (scope, channel.channel_id), first, &say).await
    };
    let played = played.await;
    let session = arguments.name.as_ref().map(|_name| session_id);
    played.and(clean_up(&here, scope, session).await)
}

/// Says something on either side of a loss; all of it arrives once, in order.
async fn talk(
    here: &Client,
    there: &Client,
    (scope, channel): (u64, ChannelId),
    first: &str,
    say: &impl Fn(&str),
) -> Result<()> {
    let send = async |text: &str| {
        let sent = here.call(scope, &send_message(channel, text)).await;
        sent.with_context(|| format!("sending {text:?}"))
    };
    send("before").await?;
    let seen = there.sees_message("before", PATIENCE).await;
    seen.context("what was sent on one gateway did not arrive on the other")?;
    say("what is sent on one arrives on the other");

    there.resume_on(Some(first)).await?;
    send("meanwhile").await?;
    let on_first = |seen: &Seen| match seen {
        Seen::Opened {
            gateway, resumed, ..
        } if gateway == first => Some(*resumed),
        _ => None,
    };
    let resumed = there.log().wait(0, PATIENCE, on_first).await;
    let resumed = resumed.context("who lost its gateway found no other one")?;
    ensure!(resumed, "who lost its gateway had to begin anew");
    send("after").await?;
    for text in ["meanwhile", "after"] {
        let seen = there.sees_message(text, PATIENCE).await;
        seen.with_context(|| format!("{text:?} was lost"))?;
    }
    let violations: Vec<String> = [here, there]
        .iter()
        .flat_map(|client| client.violations())
        .collect();
    ensure!(
        violations.is_empty(),
        "streams were not dense: {violations:?}"
    );
    say(&format!(
        "the connection was lost, and the session goes on on {first}: nothing is missing or double"
    ));
    Ok(())
}

/// Signs in, or joins as a guest.
async fn sign_in(client: &Client, arguments: &Arguments) -> Result<SignedIn> {
    if let (Some(name), Some(password)) = (&arguments.name, &arguments.password) {
        let signed_in = client.call(0, &log_in(name, password)).await;
        return signed_in.with_context(|| format!("signing in as {name}"));
    }
    client.call(0, &join_as_guest()).await.context(
        "joining as a guest; where none may come in, name an account (CONFAB_SMOKE_NAME, _PASSWORD)",
    )
}

/// Deletes the server, and the guest or the session of the account.
async fn clean_up(client: &Client, scope: u64, session: Option<SessionId>) -> Result<()> {
    let deleted = client.call(scope, &delete_server(SERVER)).await;
    deleted.context("deleting the server")?;
    let left = match session {
        Some(session) => client.call(0, &revoke_session(session)).await,
        None => client.call(0, &delete_account(None)).await,
    };
    match left {
        // It closes the connection that would bring the reply.
        Ok(()) | Err(CallError::Disconnected) => Ok(()),
        Err(error) => Err(error).context("leaving"),
    }
}

/// The address of each gateway. One that listens everywhere may have two; those of one family
/// are enough.
async fn find_gateways(names: &[String]) -> Result<Vec<String>> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for name in names {
        let host = name.trim_start_matches("ws://");
        let addresses = lookup_host(host).await;
        found.extend(addresses.with_context(|| format!("finding {host}"))?);
    }
    let family = found
        .first()
        .map(SocketAddr::ip)
        .map(|ip| IpAddr::is_ipv4(&ip));
    found.retain(|address| Some(address.is_ipv4()) == family);
    found.sort_unstable();
    found.dedup();
    Ok(found
        .iter()
        .map(|address| format!("ws://{address}"))
        .collect())
}
