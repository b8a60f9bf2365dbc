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
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

/// A terminal client that runs.
struct Terminal {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    shown: Vec<String>,
}

impl Terminal {
    fn start(harness: &Harness, first: usize, arguments: &[&str]) -> Result<Self> {
        let mut gateways = harness.cluster.addresses();
        gateways.rotate_left(first);
        let mut child = Command::new(env!("CARGO_BIN_EXE_chat"))
            .args(arguments)
            .args(gateways)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()?;
        let input = child.stdin.take().context("its input")?;
        let output = child.stdout.take().context("its output")?;
        Ok(Self {
            child,
            input,
            output: BufReader::new(output).lines(),
            shown: Vec::new(),
        })
    }

    async fn types(&mut self, line: &str) -> Result<()> {
        self.input.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(self.input.flush().await?)
    }

    /// Waits for a line with this text, and answers with it.
    async fn shows(&mut self, text: &str) -> Result<String> {
        let search = async {
            while let Some(line) = self.output.next_line().await? {
                self.shown.push(line.clone());
                if line.contains(text) {
                    return Ok(line);
                }
            }
            anyhow::bail!("it ended")
        };
        let found = timeout(Duration::from_secs(30), search).await;
        found
            .context("it waits")
            .flatten()
            .with_context(|| format!("{text:?} is never shown after {:#?}", self.shown))
    }

    async fn ends(mut self) -> Result<()> {
        self.types("/quit").await?;
        let status = timeout(Duration::from_secs(10), self.child.wait()).await??;
        loadtest::harness::holds(status.success(), &status.to_string())
    }
}

#[tokio::test]
async fn two_terminals_talk_and_survive_a_killed_gateway() -> Result<()> {
    scenario_on(Settings::default(), async |harness| {
        let name = unique("alice");
        let mut alice = Terminal::start(harness, 0, &["--sign-up", "--name", &name])?;
        alice.shows("password").await?;
        alice.types(PASSWORD).await?;
        alice.shows(&format!("signed in as {name}")).await?;
        alice.types("/create The Kitchen").await?;
        alice.shows("*** #general").await?;
        alice.types("/invite").await?;
        let line = alice.shows("the code is ").await?;
        let code = line.rsplit(' ').next().context("a code")?.to_owned();

        let mut bob = Terminal::start(harness, 1, &["--guest"])?;
        bob.shows("signed in as").await?;
        bob.types(&format!("/join {code}")).await?;
        bob.shows("*** #general").await?;
        alice.shows(" joined").await?;
        bob.types("hello from the pipe").await?;
        let line = alice.shows("hello from the pipe").await?;
        bob.shows("hello from the pipe").await?;
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

/// A terminal client at a terminal.
struct Keyboard {
    child: Child,
    /// Our end of the terminal.
    terminal: tokio::fs::File,
    /// What stands on the screen and was not looked for yet.
    screen: String,
}

impl Keyboard {
    fn start(harness: &Harness, arguments: &[&str]) -> Result<Self> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let theirs = File::from(rustix::fs::open(name, flags, rustix::fs::Mode::empty())?);
        let child = Command::new(env!("CARGO_BIN_EXE_chat"))
            .args(arguments)
            .args(harness.cluster.addresses())
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .stdin(theirs.try_clone()?)
            .stdout(theirs.try_clone()?)
            .stderr(theirs)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self {
            child,
            terminal: tokio::fs::File::from_std(File::from(ours)),
            screen: String::new(),
        })
    }

    async fn types(&mut self, keys: &str) -> Result<()> {
        self.terminal.write_all(keys.as_bytes()).await?;
        Ok(self.terminal.flush().await?)
    }

    /// Waits until this stands on the screen; answers with what stands before it.
    async fn shows(&mut self, text: &str) -> Result<String> {
        let search = async {
            loop {
                if let Some((before, rest)) = self.screen.split_once(text) {
                    let (before, rest) = (before.to_owned(), rest.to_owned());
                    self.screen = rest;
                    return Ok(before);
                }
                let mut bytes = [0; 4_096];
                let read = self.terminal.read(&mut bytes).await?;
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
}

const UP: &str = "\x1b[A";

#[tokio::test]
async fn a_terminal_hides_passwords_completes_remembers_and_marks_what_is_unread() -> Result<()> {
    scenario_on(Settings::default(), async |harness| {
        let name = unique("alice");
        let mut alice = Keyboard::start(harness, &["--sign-up", "--name", &name])?;
        alice.shows("password:").await?;
        alice.types(&format!("{PASSWORD}\r")).await?;
        let typed = alice.shows(&format!("signed in as {name}")).await?;
        loadtest::harness::holds(!typed.contains(PASSWORD) && typed.contains("***"), &typed)?;
        alice.types("/cre\tThe Kitchen\r").await?;
        alice.shows("*** The Kitchen").await?;
        alice.shows("#general>").await?;
        alice.types("hello\r").await?;
        alice.shows(" sent").await?;
        alice.types(UP).await?;
        alice.shows("hello").await?;
        alice.types(&format!("{UP}\x15")).await?;
        alice.types("/channel tea\r").await?;
        alice.shows("#tea>").await?;
        alice.types("/channel gen\t\r").await?;
        alice.shows("*** #general").await?;
        alice.shows("<").await?;
        alice.types("/invite\r").await?;
        alice.shows("the code is ").await?;
        let code = alice.shows("\r\n").await?;

        let mut bob = Terminal::start(harness, 1, &["--guest"])?;
        bob.shows("signed in as").await?;
        bob.types(&format!("/join {code}")).await?;
        bob.shows("hello").await?;
        bob.types("/channel tea").await?;
        bob.shows("*** #tea").await?;
        bob.types("psst").await?;
        bob.shows("psst").await?;
        alice.shows("something new in #tea").await?;
        alice.types("/unread\r").await?;
        alice.shows("The Kitchen #tea: 1 unread").await?;
        alice.types("/channel tea\r").await?;
        alice.shows("--- new ---").await?;
        alice.shows("psst").await?;
        alice.types("/unread\r").await?;
        alice.shows("you have read everything").await?;
        alice.types("/quit\r").await?;
        let status = timeout(Duration::from_secs(10), alice.child.wait()).await??;
        loadtest::harness::holds(status.success(), &status.to_string())?;
        bob.ends().await
    })
    .await
}
