//! The threads of a generator.

use std::thread;

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc;

use super::{
    shard::{Order, Setup, Shard},
    tally::Tally,
};

/// Orders and answers under way: each order waits for its answer.
const QUEUE: usize = 2;

/// One thread.
#[derive(Debug)]
struct Part {
    orders: mpsc::Sender<Order>,
    answers: mpsc::Receiver<Tally>,
    /// CPU that it had used at its last answer.
    cpu: u64,
}

/// All threads. The first one publishes.
#[derive(Debug, Default)]
pub struct Pool {
    parts: Vec<Part>,
}

impl Pool {
    /// Adds a thread.
    pub fn start(&mut self, setup: Setup) -> Result<()> {
        let (orders, inbox) = mpsc::channel(QUEUE);
        let (outbox, answers) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name(format!("load-{}", self.parts.len()))
            .spawn(move || {
                // The end of the answers tells the pool, and why is said here.
                if let Err(error) = Shard::run(setup, inbox, &outbox) {
                    super::progress::say(&format!("a part of the generator ended: {error:#}"));
                }
            })
            .context("starting a thread")?;
        self.parts.push(Part {
            orders,
            answers,
            cpu: 0,
        });
        Ok(())
    }

    /// How many threads there are.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Tells threads something, and waits for what all of them counted. A tally's CPU
    /// time is what its thread used since the answer before.
    pub async fn ask(
        &mut self,
        mut order: impl FnMut(usize) -> Option<Order>,
    ) -> Result<Vec<Tally>> {
        for (at, part) in self.parts.iter().enumerate() {
            let order = order(at).unwrap_or_else(|| Box::new(|_shard| ()));
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
