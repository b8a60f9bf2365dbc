//! The terminal client, driven through pipes as a script would, and at a terminal.

use std::{fs::File, process::Stdio, time::Duration};

use anyhow::{Context, Result};
use loadtest::{
    cluster::Settings,
    harness::{Harness, scenario_on, unique},
    requests::PASSWORD,
};
use rustix::{
    fs::OFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    process::{Child, Command},
    time::timeout,
};

/// A terminal client that runs.
struct Terminal {
    child: Child,
    input: Box<dyn AsyncWrite + Unpin>,
    output: Box<dyn AsyncRead + Unpin>,
    /// What ends a line that is typed.
    enter: &'static str,
    /// What was shown and not looked for yet.
    screen: String,
}

impl Terminal {
    /// Driven through pipes; it tries this gateway first.
    fn at_pipes(harness: &Harness, first: usize, arguments: &[&str]) -> Result<Self> {
        let mut gateways = harness.cluster.addresses();
        gateways.rotate_left(first);
        let mut child = chat(arguments, gateways)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Self {
            input: Box::new(child.stdin.take().context("its input")?),
            output: Box::new(child.stdout.take().context("its output")?),
            child,
            enter: "\n",
            screen: String::new(),
        })
    }

    /// At a terminal, of which this is the other end.
    fn at_keyboard(harness: &Harness, arguments: &[&str]) -> Result<Self> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let theirs = File::from(rustix::fs::open(name, flags, rustix::fs::Mode::empty())?);
        let child = chat(arguments, harness.cluster.addresses())
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .stdin(theirs.try_clone()?)
            .stdout(theirs.try_clone()?)
            .stderr(theirs)
            .spawn()?;
        let ours = File::from(ours);
        Ok(Self {
            child,
            input: Box::new(tokio::fs::File::from_std(ours.try_clone()?)),
            output: Box::new(tokio::fs::File::from_std(ours)),
            enter: "\r",
            screen: String::new(),
        })
    }

    async fn types(&mut self, line: &str) -> Result<()> {
        self.presses(&format!("{line}{}", self.enter)).await
    }

    async fn presses(&mut self, keys: &str) -> Result<()> {
        self.input.write_all(keys.as_bytes()).await?;
        Ok(self.input.flush().await?)
    }

    /// Waits until this is shown; answers with what was shown before it.
    async fn shows(&mut self, text: &str) -> Result<String> {
        let search = async {
            loop {
                if let Some((before, rest)) = self.screen.split_once(text) {
                    let (before, rest) = (before.to_owned(), rest.to_owned());
                    self.screen = rest;
                    return Ok(before);
                }
                let mut bytes = [0; 4_096];
                let read = self.output.read(&mut bytes).await?;
                anyhow::ensure!(read > 0, "it ended");
                let bytes = bytes.get(..read).unwrap_or_default();
                self.screen += &String::from_utf8_lossy(bytes);
            }
        };
        let found = timeout(Duration::from_secs(30), search).await;
        found
            .context("it waits")
            .flatten()
            .with_context(|| format!("{text:?} is never shown after {:?}", self.screen))
    }

    async fn ends(mut self) -> Result<()> {
        self.types("/quit").await?;
        let status = timeout(Duration::from_secs(10), self.child.wait()).await??;
        loadtest::harness::holds(status.success(), &status.to_string())
    }
}

fn chat(arguments: &[&str], gateways: Vec<String>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat"));
    command.args(arguments).args(gateways).kill_on_drop(true);
    command
}

#[tokio::test]
async fn two_terminals_talk_and_survive_a_killed_gateway() -> Result<()> {
    scenario_on(Settings::default(), async |harness| {
        let name = unique("alice");
        let mut alice = Terminal::at_pipes(harness, 0, &["--sign-up", "--name", &name])?;
        alice.shows("password").await?;
        alice.types(PASSWORD).await?;
        alice.shows(&format!("signed in as {name}")).await?;
        alice.types("/create The Kitchen").await?;
        alice.shows("*** #general").await?;
        alice.types("/invite").await?;
        alice.shows("the code is ").await?;
        let code = alice.shows("\n").await?;

        let mut bob = Terminal::at_pipes(harness, 1, &["--guest"])?;
        bob.shows("signed in as").await?;
        bob.types(&format!("/join {code}")).await?;
        bob.shows("*** #general").await?;
        alice.shows(" joined").await?;
        bob.types("hello from the pipe").await?;
        let before = alice.shows("hello from the pipe").await?;
        bob.shows("hello from the pipe").await?;
        let line = before.lines().last().context("a line")?;
        let number = line.trim().split(' ').next().context("a number")?;
        bob.types(&format!("/edit {number} hello, edited")).await?;
        alice.shows("hello, edited (edited)").await?;

        harness
            .cluster
            .gateways
            .get(1)
            .context("a gateway")?
            .kill()?;
        alice.types("are you still there?").await?;
        bob.shows("*** reconnecting").await?;
        bob.shows("*** resumed on").await?;
        bob.shows("are you still there?").await?;
        bob.types("yes").await?;
        alice.shows("> yes").await?;
        alice.types(&format!("/delete {number}")).await?;
        bob.shows(&format!("{number} was deleted")).await?;
        bob.types("/who").await?;
        bob.shows(&name).await?;
        alice.ends().await?;
        bob.ends().await
    })
    .await
}

const UP: &str = "\x1b[A";

#[tokio::test]
async fn a_question_of_yes_or_no_takes_nothing_else_for_an_answer() -> Result<()> {
    scenario_on(Settings::default(), async |harness| {
        let name = unique("alice");
        let mut alice = Terminal::at_keyboard(harness, &[])?;
        alice.shows("name:").await?;
        alice.types(&name).await?;
        alice.shows("new here? (y/N)").await?;
        alice.types("yesterday").await?;
        alice.shows("! y or n").await?;
        alice.shows("new here? (y/N)").await?;
        alice.types("yes").await?;
        alice.shows("code").await?;
        alice.types("").await?;
        alice.shows("password:").await?;
        alice.types(PASSWORD).await?;
        alice.shows(&format!("signed in as {name}")).await?;
        alice.shows("> ").await?;
        alice.presses(UP).await?;
        alice.types("/servers").await?;
        let brought_back = alice.shows("/servers").await?;
        loadtest::harness::holds(!brought_back.contains("yesterday"), &brought_back)?;
        alice.ends().await
    })
    .await
}

#[tokio::test]
async fn a_terminal_hides_passwords_completes_remembers_and_marks_what_is_unread() -> Result<()> {
    scenario_on(Settings::default(), async |harness| {
        let name = unique("alice");
        let mut alice = Terminal::at_keyboard(harness, &["--sign-up", "--name", &name])?;
        alice.shows("password:").await?;
        alice.types(PASSWORD).await?;
        let typed = alice.shows(&format!("signed in as {name}")).await?;
        loadtest::harness::holds(!typed.contains(PASSWORD) && typed.contains("***"), &typed)?;
        alice.types("/cre\tThe Kitchen").await?;
        alice.shows("*** The Kitchen").await?;
        alice.shows("#general>").await?;
        alice.types("hello").await?;
        alice.shows(" sent").await?;
        alice.presses(UP).await?;
        alice.shows("hello").await?;
        alice.presses(&format!("{UP}\x15")).await?;
        alice.types("/channel tea").await?;
        alice.shows("#tea>").await?;
        alice.types("/channel gen\t").await?;
        alice.shows("*** #general").await?;
        alice.shows("<").await?;
        alice.types("/invite").await?;
        alice.shows("the code is ").await?;
        let code = alice.shows("\r\n").await?;

        let mut bob = Terminal::at_pipes(harness, 1, &["--guest"])?;
        bob.shows("signed in as").await?;
        bob.types(&format!("/join {code}")).await?;
        bob.shows("hello").await?;
        bob.types("/channel tea").await?;
        bob.shows("*** #tea").await?;
        bob.types("psst").await?;
        bob.shows("psst").await?;
        alice.shows("something new in #tea").await?;
        alice.types("/unread").await?;
        alice.shows("The Kitchen #tea: 1 unread").await?;
        alice.types("/channel tea").await?;
        alice.shows("--- new ---").await?;
        alice.shows("psst").await?;
        alice.types("/unread").await?;
        alice.shows("you have read everything").await?;
        alice.ends().await?;
        bob.ends().await
    })
    .await
}
