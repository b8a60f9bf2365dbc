//! The parts of a generator: threads of this process, or processes of their own.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc;

use super::{
    order::{Order, Tally},
    shard,
};

/// Orders and answers under way: each order waits for its answer.
const QUEUE: usize = 2;

/// One part.
#[derive(Debug)]
struct Part {
    orders: mpsc::Sender<Order>,
    answers: mpsc::Receiver<Tally>,
    /// CPU that its thread had used at its last answer.
    cpu: u64,
    child: Option<Child>,
}

/// All parts. The first one publishes.
#[derive(Debug, Default)]
pub struct Pool {
    parts: Vec<Part>,
}

impl Pool {
    /// Adds a part that is a thread.
    pub fn thread(&mut self) -> Result<()> {
        let (orders, inbox) = mpsc::channel(QUEUE);
        let (outbox, answers) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name(format!("load-{}", self.parts.len()))
            .spawn(move || {
                // The end of the answers tells the pool, and why is in the log.
                if let Err(error) = shard::run(inbox, &outbox) {
                    fail(&error);
                }
            })
            .context("starting a thread")?;
        self.parts.push(Part {
            orders,
            answers,
            cpu: 0,
            child: None,
        });
        Ok(())
    }

    /// Adds a part that is a process: this program, as `loadtest part`.
    pub fn process(&mut self) -> Result<()> {
        let program = std::env::current_exe().context("finding the running program")?;
        let mut child = Command::new(program)
            .arg("part")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting a process")?;
        let mut stdin = child.stdin.take().context("the process has no input")?;
        let stdout = child.stdout.take().context("the process has no output")?;
        let (orders, mut inbox) = mpsc::channel::<Order>(QUEUE);
        let (outbox, answers) = mpsc::channel(QUEUE);
        thread::Builder::new().spawn(move || {
            while let Some(order) = inbox.blocking_recv() {
                let Ok(mut line) = serde_json::to_vec(&order) else {
                    return;
                };
                line.push(b'\n');
                if stdin.write_all(&line).is_err() {
                    return;
                }
            }
        })?;
        thread::Builder::new().spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let tally = line.ok().and_then(|line| serde_json::from_str(&line).ok());
                let Some(tally) = tally else {
                    return;
                };
                if outbox.blocking_send(tally).is_err() {
                    return;
                }
            }
        })?;
        self.parts.push(Part {
            orders,
            answers,
            cpu: 0,
            child: Some(child),
        });
        Ok(())
    }

    /// How many parts there are.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The ids of the processes that are parts.
    pub fn processes(&self) -> Vec<u32> {
        let children = self.parts.iter().filter_map(|part| part.child.as_ref());
        children.map(Child::id).collect()
    }

    /// Tells every part something, and waits for all answers. A tally's CPU
    /// time is what its thread used since the answer before.
    pub async fn ask(&mut self, order: impl Fn(usize) -> Option<Order>) -> Result<Vec<Tally>> {
        for (at, part) in self.parts.iter().enumerate() {
            let order = order(at).unwrap_or(Order::Collect);
            if part.orders.send(order).await.is_err() {
                bail!("part {at} of the generator ended");
            }
        }
        let mut tallies = Vec::with_capacity(self.parts.len());
        for (at, part) in self.parts.iter_mut().enumerate() {
            let answer = part.answers.recv().await;
            let mut tally = answer.with_context(|| format!("part {at} of the generator ended"))?;
            let used = tally.cpu.saturating_sub(part.cpu);
            part.cpu = tally.cpu;
            tally.cpu = used;
            tallies.push(tally);
        }
        Ok(tallies)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for part in &mut self.parts {
            if let Some(child) = &mut part.child {
                // It may have ended by itself; what matters is that it has.
                drop(child.kill());
                drop(child.wait());
            }
        }
    }
}

/// The life of a part that is a process: orders come in, tallies go out.
pub fn part() -> Result<()> {
    let (orders, inbox) = mpsc::channel(QUEUE);
    let (outbox, mut answers) = mpsc::channel(QUEUE);
    let worker = thread::Builder::new().spawn(move || shard::run(inbox, &outbox))?;
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let order: Order = serde_json::from_str(&line?).context("reading an order")?;
        if orders.blocking_send(order).is_err() {
            break;
        }
        let Some(tally) = answers.blocking_recv() else {
            break;
        };
        serde_json::to_writer(&mut output, &tally)?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
    drop(orders);
    match worker.join() {
        Ok(ended) => ended,
        Err(_panic) => bail!("the loop of a part broke off"),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "a thread has no other way to tell people"
)]
fn fail(error: &anyhow::Error) {
    eprintln!("a part of the generator ended: {error:#}");
}
