//! What a gateway itself asks workers: snapshots, heads, structures and parts of the event log.

use shared::{
    bus::{
        Class,
        envelope::{Envelope, NodeAnswer, NodeQuery, pack, unpack},
    },
    error::{Reason, Refusal},
};

use super::{entries::Asker, queries::Queries};
use crate::dialect::request::Request;

/// A part of the event log of a topic.
#[derive(Debug)]
pub struct LogPage {
    /// The events after the last one, dense, oldest first.
    pub events: Vec<Envelope>,
    /// The head of the topic.
    pub head: u64,
    /// The log no longer holds the next event.
    pub too_old: bool,
}

impl Queries {
    /// Asks for the gateway itself.
    pub async fn ask_for_gateway(&self, query: &NodeQuery) -> Result<NodeAnswer, Refusal> {
        let class = match query {
            NodeQuery::Open { .. } | NodeQuery::Identify { .. } | NodeQuery::Topic { .. } => {
                Class::Session
            }
            _ => Class::Node,
        };
        let request = Request {
            opcode: 0,
            request: 0,
            scope: 0,
            body: pack(query).to_vec(),
        };
        let bytes = self.ask_as(class, Asker::default(), request).await?;
        match unpack(&bytes) {
            Ok(NodeAnswer::Failed) => Err(Reason::Unavailable.into()),
            Ok(answer) => Ok(answer),
            Err(error) => {
                self.metrics().garbled_total.inc();
                tracing::warn!(%error, "the answer of a worker cannot be read");
                Err(Reason::Unavailable.into())
            }
        }
    }

    /// The next events of a topic, about so many bytes of them.
    pub async fn read_events(
        &self,
        topic: u64,
        after: u64,
        bytes: u32,
    ) -> Result<LogPage, Refusal> {
        let query = NodeQuery::Events {
            topic,
            after,
            bytes,
        };
        match self.ask_for_gateway(&query).await {
            Ok(NodeAnswer::Events {
                events,
                head,
                too_old,
            }) => Ok(LogPage {
                events,
                head,
                too_old,
            }),
            other => Err(refuse_answer(other)),
        }
    }
}

/// A refusal, or the answer to another question.
pub fn refuse_answer(answer: Result<NodeAnswer, Refusal>) -> Refusal {
    match answer {
        Err(refusal) => refusal,
        Ok(_) => Reason::Unavailable.into(),
    }
}
