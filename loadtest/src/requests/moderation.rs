//! Requests of moderation: the audit log, reports, rules and lock-down.

use shared::{
    ids::{ChannelId, MessageId, ReportId},
    protocol::moderation::{
        CreateRule, GetModlog, ListReports, ReportCategory, ReportMessage, Resolution,
        ResolveReport, RuleAction, RuleKind, RuleSettings, SetLockdown, TestRules,
    },
};

use crate::random::nonce;

/// Reads the newest entries of the audit log.
pub const fn get_modlog() -> GetModlog {
    GetModlog {
        before: None,
        limit: None,
        actor_id: None,
        target_id: None,
        action: None,
    }
}

/// Reports a message as spam.
pub fn report_message(channel_id: ChannelId, message_id: MessageId) -> ReportMessage {
    ReportMessage {
        nonce: nonce(),
        channel_id,
        message_id,
        category: ReportCategory::Spam,
        text: String::new(),
    }
}

/// Lists the newest open reports.
pub const fn list_reports() -> ListReports {
    ListReports {
        resolved: false,
        before: None,
        limit: None,
    }
}

/// Resolves a report without a note.
pub fn resolve_report(report_id: ReportId, resolution: Resolution) -> ResolveReport {
    ResolveReport {
        nonce: nonce(),
        report_id,
        resolution,
        note: String::new(),
    }
}

/// A rule that blocks, of a kind that needs no more than words.
pub fn rule_settings(name: &str, kind: RuleKind, words: &[&str]) -> RuleSettings {
    RuleSettings {
        name: name.to_owned(),
        kind,
        action: RuleAction::Block,
        enabled: true,
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        limit: 0,
        seconds: 0,
        lock_seconds: 0,
        exempt_roles: Vec::new(),
        exempt_channels: Vec::new(),
        timeout_seconds: 0,
    }
}

/// Makes a rule.
pub fn create_rule(settings: RuleSettings) -> CreateRule {
    CreateRule {
        nonce: nonce(),
        settings,
    }
}

/// Tries a text.
pub fn test_rules(text: &str) -> TestRules {
    TestRules {
        text: Some(text.to_owned()),
        channel_id: None,
        settings: None,
    }
}

/// Opens the server.
pub fn set_lockdown() -> SetLockdown {
    SetLockdown {
        nonce: nonce(),
        no_joining: false,
        speakers: None,
        seconds: None,
        reason: String::new(),
    }
}
