//! The terminal client, driven through pipes as a script would.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result};
use loadtest::{
    cluster::Settings,
    requests::PASSWORD,
    stage::{Stage, scene_on, unique},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
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
    fn start(stage: &Stage, first: usize, arguments: &[&str]) -> Result<Self> {
        let mut gateways = stage.cluster.addresses();
        gateways.rotate_left(first);
        let mut child = Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .arg("chat")
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
        loadtest::stage::holds(status.success(), &status.to_string())
    }
}

#[tokio::test]
async fn two_terminals_talk_and_survive_a_killed_gateway() -> Result<()> {
    scene_on(Settings::default(), async |stage| {
        let name = unique("alice");
        let mut alice = Terminal::start(stage, 0, &["--sign-up", "--name", &name])?;
        alice.shows("password").await?;
        alice.types(PASSWORD).await?;
        alice.shows(&format!("signed in as {name}")).await?;
        alice.types("/create The Kitchen").await?;
        alice.shows("*** #general").await?;
        alice.types("/invite").await?;
        let line = alice.shows("the code is ").await?;
        let code = line.rsplit(' ').next().context("a code")?.to_owned();

        let mut bob = Terminal::start(stage, 1, &["--guest"])?;
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

        stage.cluster.gateways.get(1).context("a gateway")?.kill()?;
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
