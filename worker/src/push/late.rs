//! Asks about pushes that could not be sent at once whether there is still something to tell: by then a message may be read,
//! changed or deleted, and its reader gone, or careful.

use std::{collections::BTreeMap, mem, slice};

use futures_util::future::BoxFuture;
use shared::ids::{MessageId, UserId};
use tokio::time::{Duration, Instant};
use tracing::warn;

use super::{attempt::end_early, sender::Sender};
use crate::{error::StoreError, store::push::Push};

/// How old a push is that is asked about, in seconds. One that is younger was decided just now.
const LATE_S: f64 = 10.0;

/// For how long they are asked about one by one: a third of their lease, as the others that were claimed wait for it.
const SINGLY: Duration = Duration::from_secs(10);

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

/// Whom a push tells of which message, where it is asked about it: one that was tried before is late, too; one that is not sent
/// anyway is not.
fn late_pair(push: &Push) -> Option<(UserId, MessageId)> {
    let is_late = push.age_s >= LATE_S || push.attempts > 1;
    let is_late = is_late && end_early(push).is_none();
    Some((push.target.account, push.message.filter(|_| is_late)?))
}

impl Sender {
    /// Takes out those that are late and cannot be asked about: they are claimed again when their leases lapse, and the others
    /// need not wait for that.
    pub(super) async fn judge(&self, claimed: &mut Vec<Push>) {
        let Err(error) = self.judge_late(claimed).await else {
            return;
        };
        warn!(%error, "late pushes could not be asked about");
        let end = Instant::now() + SINGLY;
        for mut push in mem::take(claimed) {
            let is_late = late_pair(&push).is_some();
            let one = slice::from_mut(&mut push);
            let may_ask = !error.is_outage() && Instant::now() < end;
            if !is_late || may_ask && self.judge_late(one).await.is_ok() {
                claimed.push(push);
            }
        }
    }

    /// Says of those that are late what is to be told now; and of those that tell of nothing any more, that they are withdrawn.
    async fn judge_late(&self, pushes: &mut [Push]) -> Result<(), StoreError> {
        let (accounts, messages): (Vec<UserId>, Vec<MessageId>) =
            pushes.iter().filter_map(late_pair).unzip();
        if accounts.is_empty() {
            return Ok(());
        }
        let told = self.late.tell_late(&accounts, &messages).await?;
        for push in pushes {
            let Some(pair) = late_pair(push) else {
                continue;
            };
            match told.get(&pair) {
                None => push.is_withdrawn = true,
                // What was too large once is so again.
                Some(_) if push.body.is_empty() => {}
                Some(body) => push.body.clone_from(body),
            }
        }
        Ok(())
    }
}
