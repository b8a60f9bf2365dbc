//! Confab's terminal client: rooms, history and unread marks in a plain terminal; a pipe
//! drives it as well.
//!
//! - `commands`: what can be typed; `input`: the line that is typed, with completion;
//! - `sign_in`, `terminal`: the conversation with the cluster;
//! - `screen`: what is shown of it; `unread`: what was not read yet.

mod commands;
mod input;
mod screen;
mod sign_in;
mod terminal;
mod unread;

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use clap::Parser;
use loadtest::client::{Client, Options};

use self::{
    input::{Input, Known},
    terminal::Terminal,
};

/// How long a command is repeated while gateways and workers come and go.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the connection is tried: a dead gateway is noticed soon.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Talks in rooms from a terminal.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None)]
struct Arguments {
    /// Gateways, tried in turn: `ws://host:port`.
    #[arg(required = true, env = "CONFAB_GATEWAYS", value_delimiter = ',')]
    gateways: Vec<String>,
    /// The name to sign in with; asked for when absent.
    #[arg(long)]
    name: Option<String>,
    /// Create the account first.
    #[arg(long)]
    sign_up: bool,
    /// Come in as a guest.
    #[arg(long, conflicts_with_all = ["name", "sign_up"])]
    guest: bool,
    /// A code for signing up.
    #[arg(long)]
    invite: Option<String>,
    /// The kind of the terminal.
    #[arg(long, env = "TERM", hide = true)]
    term: Option<String>,
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(run(Arguments::parse()));
    // A thread that waits for a line of a terminal cannot be ended.
    runtime.shutdown_background();
    ended
}

async fn run(arguments: Arguments) -> Result<()> {
    let known = Arc::<Known>::default();
    let (mut input, mut screen) = Input::open(arguments.term.as_deref(), Arc::clone(&known))?;
    let options = Options {
        patience: PATIENCE,
        heartbeat: Some(HEARTBEAT),
        ..Options::default()
    };
    let client = Client::connect(arguments.gateways.clone(), options);
    let signed_in = sign_in::sign_in(&arguments, &client, &mut input, &mut screen).await?;
    client.identify(&signed_in.token).await?;
    screen.print_line(&format!(
        "signed in as {}; /help says what can be done",
        signed_in.user.name
    ));
    let mut terminal = Terminal::new(client, screen, known, signed_in.user);
    terminal.start().await?;
    terminal.talk(&mut input).await
}
