//! What of a batch is to be executed, and what is decided before.

use sha2::{Digest, Sha256};
use shared::{
    domain::content,
    error::{Reason, Refusal},
    ids::{ChannelId, MessageId},
    protocol::{Command, message},
};
use tracing::warn;

use super::{
    Lane,
    inbox::{PendingEntry, Source},
    verdict::Verdict,
};
use crate::store::write::nonce::NonceKey;

/// A command that can be executed, with its place in the batch.
pub(super) struct Step {
    pub(super) place: usize,
    pub(super) command: Command,
    pub(super) key: Option<NonceKey>,
    pub(super) body_hash: Vec<u8>,
    /// Too old to be executed; still, a repeat of what was stored is answered so.
    pub(super) late: Option<Refusal>,
}

impl Step {
    /// The one message that it is about.
    pub(super) fn named_message(&self) -> Option<(ChannelId, MessageId)> {
        let Command::Message(command) = &self.command else {
            return None;
        };
        match command {
            message::Command::NewMessage(new) => Some((new.channel_id, new.reply_to?)),
            message::Command::EditMessage(edit) => Some((edit.channel_id, edit.message_id)),
            message::Command::DeleteMessage(delete) => Some((delete.channel_id, delete.message_id)),
            message::Command::PinMessage(pin) => Some((pin.channel_id, pin.message_id)),
            message::Command::UnpinMessage(unpin) => Some((unpin.channel_id, unpin.message_id)),
            message::Command::AddReaction(add) => Some((add.channel_id, add.message_id)),
            message::Command::RemoveReaction(remove) => {
                Some((remove.channel_id, remove.message_id))
            }
            // They are many: their handler asks for all of them at once.
            message::Command::DeleteMessages(_) => None,
        }
    }
}

impl Lane<'_> {
    /// Decodes, and decides what needs neither memory nor nonces.
    pub(super) fn sort_out(
        &mut self,
        pending: &[PendingEntry],
        now_ms: u64,
    ) -> (Vec<Option<Verdict>>, Vec<Step>) {
        let redis_now = now_ms.saturating_add_signed(self.redis_ahead_ms);
        let mut steps = Vec::with_capacity(pending.len());
        let verdicts = pending
            .iter()
            .enumerate()
            .map(
                |(place, item)| match self.prepare_step(place, item, (now_ms, redis_now)) {
                    Ok(step) => {
                        steps.push(step);
                        None
                    }
                    Err(refusal) => Some(Err(refusal)),
                },
            )
            .collect();
        (verdicts, steps)
    }

    fn prepare_step(
        &mut self,
        place: usize,
        item: &PendingEntry,
        (now_ms, redis_now): (u64, u64),
    ) -> Result<Step, Refusal> {
        if let Some(refusal) = &item.verdict {
            return Err(refusal.clone());
        }
        let late = match item.source {
            Source::Stream(id) => redis_now.saturating_sub(id.ms) > self.config.deadline_ms,
            Source::Internal { .. } => false,
        };
        if late {
            self.parts.metrics.expired_total.inc();
        }
        let entry = item.entry.as_ref().ok_or(Reason::Malformed)?;
        if matches!(item.source, Source::Stream(_)) && entry.is_old(now_ms) {
            warn!(
                node = entry.node,
                scope = entry.scope,
                "an old entry came back"
            );
            self.parts.metrics.expired_total.inc();
            return Err(Reason::Expired.into());
        }
        let command = Command::decode(entry.opcode, &entry.body)?;
        let nonce = match item.source {
            Source::Stream(_) => command.nonce(),
            // Its place moves in the transaction of its effects: it cannot come twice.
            Source::Internal { .. } => None,
        };
        #[cfg(feature = "sabotage")]
        let nonce = nonce.filter(|_| !crate::sabotage::forgets());
        if let Some(nonce) = nonce {
            content::check_nonce(nonce)?;
            if let Some(caller) = &entry.caller
                && !item.counted
            {
                self.repeats.check(caller.user, now_ms)?;
            }
        }
        let key = nonce.map(|nonce| NonceKey {
            scope: entry.scope,
            author: entry.caller.as_ref().map(|caller| caller.user),
            nonce: nonce.to_owned(),
        });
        let body_hash = if key.is_some() {
            hash_command(&command)
        } else {
            Vec::new()
        };
        Ok(Step {
            place,
            command,
            key,
            body_hash,
            late: late.then(|| Reason::Expired.into()),
        })
    }
}

/// What a repeated nonce must repeat: what the command says, however its sender
/// wrote it down.
fn hash_command(command: &Command) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(command.row().opcode.to_be_bytes());
    hash.update(command.canonical());
    hash.finalize().to_vec()
}
