//! The audit log: who did what to whom, and why.

use shared::{
    domain::audit::{Action, list_changes},
    error::Refusal,
    ids::{Id, ServerId, UserId},
    wire::{Wire, encode_json},
};

use super::Writes;
use crate::error::StoreError;

/// What a command did, for the audit log.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    action: Action,
    target: Option<u64>,
    reason: &'a str,
    before: Option<String>,
    after: Option<String>,
}

impl<'a> Record<'a> {
    /// Something that was done to nobody and nothing in particular.
    pub(crate) const fn new(action: Action) -> Self {
        Self {
            action,
            target: None,
            reason: "",
            before: None,
            after: None,
        }
    }

    /// The member, role, channel, message, rule or report that it was done to; of an invite, who
    /// made it.
    pub(crate) const fn target<T>(mut self, id: Id<T>) -> Self {
        self.target = Some(id.get());
        self
    }

    /// Why; checked by `content::check_reason`.
    pub(crate) const fn reason(mut self, reason: &'a str) -> Self {
        self.reason = reason;
        self
    }

    /// How it was before.
    pub(crate) fn before<T: Wire>(mut self, value: &T) -> Result<Self, Refusal> {
        self.before = Some(encode_json(value)?);
        Ok(self)
    }

    /// What of it is another: what may be long is not recorded twice, nor in full.
    pub(crate) fn change<T: Wire>(
        mut self,
        before: Option<&T>,
        after: Option<&T>,
    ) -> Result<Self, Refusal> {
        [self.before, self.after] = list_changes(before, after)?;
        Ok(self)
    }

    /// How it is now.
    pub(crate) fn after<T: Wire>(mut self, value: &T) -> Result<Self, Refusal> {
        self.after = Some(encode_json(value)?);
        Ok(self)
    }
}

/// Adds an entry; `actor` is none where a rule acted.
pub(crate) async fn insert_record(
    writes: &mut Writes<'_>,
    server: ServerId,
    id: Id<()>,
    actor: Option<UserId>,
    record: &Record<'_>,
) -> Result<usize, StoreError> {
    let sql = "INSERT INTO audit_entries (server, id, actor, action, target, reason, before, after)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id";
    let action = i16::from(record.action.number());
    writes
        .execute(
            sql,
            &[
                &server,
                &id,
                &actor,
                &action,
                &record.target,
                &record.reason,
                &record.before,
                &record.after,
            ],
        )
        .await
}
