//! Takes the texts of deleted messages out of the log.

use serde_bytes::ByteBuf;
use shared::{
    bus::envelope::pack,
    ids::ServerId,
    protocol::{
        self,
        message::{MessageDeleted, MessagesDeleted},
    },
};

use super::{ConsumerMetrics, Effect};
use crate::{
    error::StoreError,
    store::{
        consumers::{Log, LoggedEvent, Place, REDACTION_READS, Selection},
        jobs::REDACTION,
        redact::Deleted,
    },
};

/// See the module.
#[derive(Clone)]
pub(crate) struct Redaction {
    pub(crate) metrics: ConsumerMetrics,
}

impl Effect for Redaction {
    const SELECTION: Selection = REDACTION_READS;
    const AT_ONCE: i64 = 6_400;

    async fn apply(
        &self,
        log: &mut Log,
        events: &[LoggedEvent],
        places: &[Place],
    ) -> Result<(), StoreError> {
        let (mut deleted, mut failed) = (Vec::new(), Vec::new());
        for event in events {
            match deleted_by(event.topic, &event.body) {
                Some(message) => deleted.push(message),
                None => failed.extend(self.job(event)),
            }
        }
        self.metrics.failures_total.inc_by(failed.len() as u64);
        let mut turn = log.begin().await?;
        turn.redact_messages(&deleted).await?;
        turn.enqueue_jobs(&failed).await?;
        turn.finish(places).await
    }

    /// The event as it is: what this program cannot read, a newer one may.
    fn job(&self, event: &LoggedEvent) -> Option<(&'static str, Vec<u8>)> {
        let body = ByteBuf::from(event.body.clone());
        Some((REDACTION, pack(&(event.topic, body)).to_vec()))
    }
}

/// What a deletion names; none when this program cannot read it.
pub(crate) fn deleted_by(topic: i64, body: &[u8]) -> Option<Deleted> {
    let server = ServerId::try_from(topic).ok()?;
    // One has an id where the other has a list.
    if let Ok(told) = protocol::decode_told::<MessageDeleted>(body) {
        return Some((server, told.channel_id, vec![told.message_id]));
    }
    let told: MessagesDeleted = protocol::decode_told(body).ok()?;
    Some((server, told.channel_id, told.message_ids))
}
