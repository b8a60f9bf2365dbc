//! Asks about pushes that could not be sent at once whether there is still something to tell: by then a message may be read,
//! changed or deleted, and its reader gone, or careful.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use shared::ids::{MessageId, UserId};

use super::sender::Sender;
use crate::{error::StoreError, store::push::Push};

/// How old a push is that is asked about, in seconds. One that is younger was decided just now.
const LATE_S: f64 = 10.0;

/// What accounts are told of messages, of those of whom something is to be told.
pub(crate) type LateBodies = BTreeMap<(UserId, MessageId), Vec<u8>>;

/// Who knows what is told late: pushes know nothing of messages.
pub(crate) trait TellLate: Send + Sync {
    /// What these accounts are told of these messages by now, pair by pair.
    fn tell_late<'a>(
        &'a self,
        accounts: &'a [UserId],
        messages: &'a [MessageId],
    ) -> BoxFuture<'a, Result<LateBodies, StoreError>>;
}

/// Whether it is asked about a push: one that was tried before, too.
pub(super) fn is_late(push: &Push) -> bool {
    push.message.is_some() && (push.age_s >= LATE_S || push.attempts > 1)
}

impl Sender {
    /// Says of those that are late what is to be told now; and of those that tell of nothing any more, that they are withdrawn.
    pub(super) async fn judge_late(&self, pushes: &mut [Push]) -> Result<(), StoreError> {
        let late = pushes.iter().filter(|push| is_late(push));
        let late = late.filter_map(|push| Some((push.target.account, push.message?)));
        let (accounts, messages): (Vec<UserId>, Vec<MessageId>) = late.unzip();
        if accounts.is_empty() {
            return Ok(());
        }
        let told = self.late.tell_late(&accounts, &messages).await?;
        for push in pushes.iter_mut().filter(|push| is_late(push)) {
            let Some(message) = push.message else {
                continue;
            };
            match told.get(&(push.target.account, message)) {
                None => push.is_withdrawn = true,
                // What was too large once is so again.
                Some(_) if push.body.is_empty() => {}
                Some(body) => push.body.clone_from(body),
            }
        }
        Ok(())
    }
}
