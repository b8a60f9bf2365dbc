//! What a push costs at least: a bare loop that encrypts and signs as an [`attempt`](super::attempt) does, and does nothing else.

use clap::Args;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use shared::clock::Clock;

use super::{
    AUTH,
    config::PushKeys,
    message::{Message, PushError, Signer, generate_key, seal},
    vapid_tokens::VapidTokens,
};

/// A push service as good as any: nothing is sent.
const ORIGIN: &str = "https://push.example";
const CONTACT: &str = "mailto:operator@example.com";
const TTL_S: u32 = 24 * 3_600;

/// How long the loop is.
#[derive(Debug, Clone, Copy, Args)]
pub struct PushBench {
    /// Pushes that are made.
    #[arg(long, value_name = "COUNT", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    pushes: u32,
    /// Bytes that each of them tells.
    #[arg(long, value_name = "BYTES", default_value_t = 300)]
    bytes: u16,
}

/// What a push took of a CPU, in microseconds.
#[derive(Debug, Serialize)]
struct Costs {
    /// Encrypted, with a token that was signed once, as workers do it.
    encrypted: f64,
    /// The signature of a token, which workers make twice a day for each service.
    signed: f64,
}

/// Makes pushes for nobody, and prints what one took: one line of JSON.
#[expect(clippy::print_stdout, reason = "what it prints is the product")]
pub fn print_costs(bench: PushBench) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(&measure(bench)?)?);
    Ok(())
}

fn measure(bench: PushBench) -> Result<Costs, PushError> {
    let keys = PushKeys {
        signers: vec![generate_key()?.parse()?],
        contact: CONTACT.to_owned(),
    };
    let signer = keys.current().ok_or(PushError::NotAKey)?;
    let browser: Signer = generate_key()?.parse()?;
    let (body, topic) = (vec![b'x'; bench.bytes.into()], "x".repeat(16));
    let message = Message {
        body: &body,
        topic: Some(&topic),
        ttl_s: TTL_S,
        urgency: 3,
    };
    let (tokens, clock) = (VapidTokens::default(), Clock::system());
    let encrypted = time_each(bench.pushes, || {
        let (now_s, origin) = (clock.now_ms() / 1_000, ORIGIN.to_owned());
        let token = tokens.sign(&keys, (signer.public(), origin), now_s)?;
        let token = token.ok_or(PushError::NotAKey)?;
        seal(&message, (browser.public(), &[7; AUTH]), token).map(drop)
    })?;
    let until = clock.now_ms() / 1_000;
    let signed = time_each(bench.pushes, || {
        signer.sign(ORIGIN, (CONTACT, until)).map(drop)
    })?;
    Ok(Costs { encrypted, signed })
}

/// Does something so often; answers what once took of the CPU of this thread, in microseconds.
fn time_each(
    count: u32,
    mut work: impl FnMut() -> Result<(), PushError>,
) -> Result<f64, PushError> {
    let began = thread_cpu();
    for _ in 0..count {
        work()?;
    }
    Ok((thread_cpu() - began) / f64::from(count))
}

/// Microseconds of CPU that this thread used.
fn thread_cpu() -> f64 {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    #[expect(
        clippy::cast_precision_loss,
        reason = "2^53 seconds are longer than a thread lives"
    )]
    let micros = |seconds: i64, nanos: i64| seconds as f64 * 1e6 + nanos as f64 / 1e3;
    micros(used.tv_sec, used.tv_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_costs_something_and_so_does_a_signature() {
        let bench = PushBench {
            pushes: 3,
            bytes: 300,
        };
        let costs = measure(bench).unwrap();
        assert!(costs.encrypted > 0.0 && costs.signed > 0.0, "{costs:?}");
    }
}
