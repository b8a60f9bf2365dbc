//! Who mentions people, as often as was asked for, whatever the cluster does.

use std::time::Duration;

use futures_util::{StreamExt, stream::FuturesUnordered};
use shared::{ids::Id, protocol::message::MessageSent};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{ledger::SentMention, stage::PushStage};
use crate::{
    client::CallError,
    load::{
        clock,
        pacer::{Pacer, Pacing},
        tally::Tally,
    },
    requests::send_message,
};

/// What came of the messages: those that were acknowledged, and what was counted.
pub(super) type Written = (Vec<SentMention>, Tally);

/// A message on its way.
struct Letter {
    intended: u64,
    browsers: Vec<usize>,
}

/// Sends messages, so many a second, until it is stopped or everybody was mentioned in every channel; then waits for what
/// is on its way.
pub(super) async fn write(stage: &PushStage, rate: f64, stop: CancellationToken) -> Written {
    let (mut mentions, mut tally) = (Vec::new(), Tally::default());
    let mut pacer = Pacer::new(Pacing::Constant, rate, clock::now(), 0);
    let mut numbers = 0..;
    let mut waiting = FuturesUnordered::new();
    let mut is_done = false;
    while !is_done || !waiting.is_empty() {
        let early = pacer.next_at().saturating_sub(clock::now());
        tokio::select! {
            () = stop.cancelled(), if !is_done => is_done = true,
            Some((answer, letter)) = waiting.next() => count(&mut tally, &mut mentions, &answer, letter),
            () = sleep(Duration::from_nanos(early)), if !is_done => {
                let now = clock::now();
                while let Some(intended) = pacer.due(now) {
                    let Some(sending) = numbers.next().and_then(|number| send(stage, number, intended)) else {
                        is_done = true;
                        break;
                    };
                    tally.checks.sent += 1;
                    tally.latencies.late.record_nanos(now.saturating_sub(intended));
                    waiting.push(sending);
                }
            }
        }
    }
    (mentions, tally)
}

/// Begins to send the message of this number; none behind the last.
fn send(
    stage: &PushStage,
    number: usize,
    intended: u64,
) -> Option<impl Future<Output = (Result<MessageSent, CallError>, Letter)>> {
    let (channel, named) = stage.message(number)?;
    let names: Vec<String> = named.iter().map(|it| format!("<@{}>", it.user)).collect();
    let request = send_message(channel, names.join(" "));
    let browsers = named.iter().flat_map(|it| it.browsers.iter().copied());
    let letter = Letter {
        intended,
        browsers: browsers.collect(),
    };
    Some(async move {
        (
            stage
                .away
                .writer
                .call(stage.away.server.get(), &request)
                .await,
            letter,
        )
    })
}

fn count(
    tally: &mut Tally,
    mentions: &mut Vec<SentMention>,
    answer: &Result<MessageSent, CallError>,
    Letter { intended, browsers }: Letter,
) {
    match answer {
        Ok(MessageSent { message_id, .. }) => {
            tally.checks.acknowledged += 1;
            let took = clock::now().saturating_sub(intended);
            tally.latencies.ack.record_nanos(took);
            mentions.push(SentMention {
                message: Id::get(*message_id),
                intended,
                browsers,
            });
        }
        Err(CallError::Refused(_)) => tally.checks.refused += 1,
        Err(_) => tally.checks.unknown += 1,
    }
}
