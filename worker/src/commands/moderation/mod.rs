//! Reports: tell those who moderate, and resolve what was told. Rules and lock-down.

mod automod;
mod lockdown;

use shared::{
    domain::{
        audit::Action,
        content::{self, MAX_REASON_CHARS, MAX_REPORT_CHARS},
        limits::{MAX_OPEN_MEMBER_REPORTS, MAX_OPEN_REPORTS},
        permissions::may_handle_reports,
    },
    error::{Reason, Refusal},
    protocol::{
        Handler,
        moderation::{MessageReported, ReportCategory, ReportMessage, ResolveReport},
    },
};

pub(super) use self::{
    automod::{check_text, report_found},
    lockdown::{check_joining, note_join},
};
use crate::{
    access::AccessFacts as _,
    error::Error,
    store::write::{self, audit::Record, moderation::NewReport},
    transaction::Context,
};

impl Handler<Context<'_>> for ReportMessage {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<MessageReported, Error> {
        let (channel, message) = (self.channel_id, self.message_id);
        let text = content::check_note(&self.text, "text", MAX_REPORT_CHARS)?;
        if self.category == ReportCategory::Rule {
            return Err(Refusal::field(Reason::Invalid, "category").into());
        }
        let reporter = ctx.caller()?.user;
        let server = ctx.server().await?.structure.server;
        let found = write::message::find_text(ctx.read().await?, channel, message).await?;
        let (author, content) = found.ok_or(Refusal::from(Reason::UnknownMessage))?;
        let reads = ctx.read().await?;
        let open =
            write::moderation::list_open(reads, server, Some(reporter), MAX_OPEN_REPORTS).await?;
        if open.iter().any(|(reported, _)| *reported == message) {
            return Err(Refusal::field(Reason::LimitReached, "message_id").into());
        }
        ctx.require(open.len() < MAX_OPEN_REPORTS, Reason::LimitReached)?;
        let reads = ctx.read().await?;
        let most = MAX_OPEN_MEMBER_REPORTS;
        let full = write::moderation::has_open_reports(reads, server, most).await?;
        ctx.require(!full, Reason::LimitReached)?;
        let report_id = ctx.next_id()?;
        let report = NewReport {
            server,
            id: report_id,
            reporter: Some(reporter),
            channel,
            message,
            author,
            category: self.category,
            text,
            content: &content,
        };
        write::moderation::insert_report(&mut ctx.write().await?, &report).await?;
        Ok(MessageReported { report_id })
    }
}

impl Handler<Context<'_>> for ResolveReport {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let note = content::check_note(&self.note, "note", MAX_REASON_CHARS)?;
        let held = ctx.in_server().await?;
        ctx.require(may_handle_reports(held), Reason::Forbidden)?;
        let user = ctx.caller()?.user;
        let structure = &ctx.server().await?.structure;
        let (server, owner) = (structure.server, structure.owner);
        let place = (server, self.report_id);
        let reads = ctx.read().await?;
        let found = write::moderation::find_report(reads, server, self.report_id).await?;
        let report = found.ok_or(Refusal::from(Reason::UnknownItem))?;
        ctx.require(report.author != user || user == owner, Reason::Forbidden)?;
        ctx.require(!report.resolved, Reason::Moved)?;
        let (outcome, now) = ((self.resolution, note), ctx.now_ms());
        let mut writes = ctx.write().await?;
        write::moderation::resolve_report(&mut writes, place, user, outcome, now).await?;
        let record = Record::new(Action::ReportResolve)
            .target(self.report_id)
            .reason(note)
            .after(&self.resolution)?;
        ctx.record_action(record).await
    }
}
