//! Clients that use few numbers for their requests, again and again: P19.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::future::{join, join_all};
use shared::protocol::{
    self,
    message::{MessageSent, NewMessage},
};
use tokio::time::{Instant, sleep, timeout};

use super::{
    schedule::{Fault, Who},
    trial::{BACK, Trial},
};
use crate::{
    client::{CallError, backoff::undecided, incoming::Incoming, link::Link},
    fixture::Fixture,
    requests::send_message,
    workload::{Plan, Workload, record_send},
};

/// Longer than a gateway waits for an answer in this trial.
const FROZEN: Duration = Duration::from_millis(3_500);
/// The number of all requests of a connection; over JSON it is what is left out.
const NUMBER: u32 = 0;
/// Connections that write.
const WRITERS: usize = 6;

/// P19: what carries requests and answers is frozen past the deadline, so answers come
/// when their number already stands for another request.
pub(super) async fn reused(trial: &mut Trial<'_>) -> Result<()> {
    let plan = Plan {
        writers: 1,
        ..Plan::default()
    };
    let (fixture, workload) = trial.begin(4, &plan, 10).await?;
    let end = Instant::now() + trial.terms.length;
    for number in 0_usize.. {
        for who in [Who::Worker(0), Who::Redis, Who::Postgres] {
            let mut links = Vec::new();
            for (number, gateway) in (0..WRITERS).zip(fixture.gateways.iter().cycle()) {
                let token = fixture.find_token(number)?;
                links.push(open(gateway, token).await?);
            }
            let until = Instant::now() + FROZEN + Duration::from_secs(2);
            let links = links.into_iter().enumerate();
            let writing = join_all(links.map(|(writer, link)| {
                let name = format!("n{number}-{who}-{writer}");
                write((&fixture, &workload), link, name, until)
            }));
            let freezing = async {
                trial.inflict(Fault::Freeze(who)).await?;
                // One lane is on each worker: both have to stand still.
                if who == Who::Worker(0) {
                    trial.inflict(Fault::Freeze(Who::Worker(1))).await?;
                }
                sleep(FROZEN).await;
                trial.inflict(Fault::Continue(who)).await?;
                trial.inflict(Fault::Continue(Who::Worker(1))).await
            };
            let (written, frozen) = join(writing, freezing).await;
            frozen?;
            for written in written {
                written.with_context(|| format!("writing while {who} is frozen"))?;
            }
            workload.progress(5, BACK).await?;
        }
        if Instant::now() > end {
            break;
        }
    }
    trial.judge(workload).await.map(drop)
}

/// Writes one message after the other, and never waits for one that was given up.
async fn write(
    (fixture, workload): (&Fixture, &Workload),
    mut link: Link,
    name: String,
    until: Instant,
) -> Result<()> {
    for number in 0_u64.. {
        if Instant::now() > until {
            break;
        }
        let nonce = format!("{name}-{number}");
        let message = NewMessage {
            nonce: nonce.clone(),
            ..send_message(fixture.channel, format!("{nonce} "))
        };
        let sending = send(&mut link, fixture.server.get(), &message);
        match record_send(workload.history(), (&name, &nonce), sending).await? {
            Ok(_) => {}
            Err(CallError::Refused(_) | CallError::TimedOut) => {
                sleep(Duration::from_millis(20)).await;
            }
            Err(error) => bail!("{nonce}: {error}"),
        }
    }
    Ok(())
}

/// Sends a message and takes the next answer for its own; nobody decided what timed out.
async fn send(link: &mut Link, scope: u64, message: &NewMessage) -> Result<MessageSent, CallError> {
    link.send_request(NUMBER, scope, message).await?;
    timeout(BACK, answer(link))
        .await
        .map_err(|_elapsed| CallError::Disconnected)?
}

/// The next answer, whatever comes before it.
async fn answer(link: &mut Link) -> Result<MessageSent, CallError> {
    loop {
        match link.next().await? {
            Incoming::Reply { body, .. } => {
                return protocol::decode_told(&body).map_err(|_refusal| CallError::Malformed);
            }
            Incoming::Refusal { refusal, .. } if undecided(refusal.reason) => {
                return Err(CallError::TimedOut);
            }
            Incoming::Refusal { refusal, .. } => return Err(CallError::Refused(refusal)),
            Incoming::Event { .. } | Incoming::Control { .. } => {}
        }
    }
}

async fn open(gateway: &str, token: &str) -> Result<Link> {
    let mut link = Link::open(gateway).await?;
    link.open_session(Some(token)).await?;
    Ok(link)
}
