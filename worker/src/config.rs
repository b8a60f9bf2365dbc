//! The worker's settings. A flag that names no variable has that of its own name: `--lanes` is
//! `CONFAB_LANES`.

use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use shared::{
    bus::Quota,
    config::{BusConfig, KeyConfig, NodeConfig, OpsConfig, Secret, TelemetryConfig},
    domain::limits::RateLimit,
    health::HealthConfig,
    protocol::account::SignUp,
};

use crate::push::{bench::PushBench, config::PushConfig};

/// Keeps the rules of Confab and writes what they permit to Postgres.
#[derive(Debug, Parser)]
#[command(name = "worker", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What a worker can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serves until it is stopped.
    Run(Box<WorkerConfig>),
    /// Brings the schema up to date, and ends.
    Migrate(DatabaseConfig),
    /// Says that the event log is another one now: run it after restoring a
    /// backup, before any worker starts. Every client then fetches its state again.
    NewEpoch(DatabaseConfig),
    /// Does for operators what needs no client, and ends.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// What web push needs from operators.
    #[command(subcommand)]
    Push(PushCommand),
    /// Asks the worker on this machine how it is, and fails unless it is well.
    Health(HealthConfig),
}

/// What web push needs from operators.
#[derive(Debug, Subcommand)]
pub enum PushCommand {
    /// Makes a pair of keys, and prints it: the private one is for `CONFAB_PUSH_KEYS`, the same for every worker.
    Keys,
    /// Makes pushes for nobody, and prints what one takes of a CPU: what `loadtest push` holds workers against.
    #[command(hide = true)]
    Bench(PushBench),
}

/// What operators do without a client.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Counts again how much is unread: compares cursors and registers with the messages that
    /// there are, and fails if they differ. Changes nothing, and may run beside workers.
    VerifyUnread(DatabaseConfig),
    /// Lists accounts by name, 100 at a time.
    Users(ListConfig),
    /// Lists accounts whose names begin so, by name, 100 at a time.
    FindUsers(SearchConfig),
    /// Lists who signed up last, 100 at a time: when, with which code, and who made it.
    SignUps(SignUpsConfig),
    /// Lists servers by id, 100 at a time: how many members they have, and how many messages there
    /// were.
    Servers(ListConfig),
    /// Shows the newest 100 entries of the audit log of a server.
    Audit(AuditLogConfig),
    /// Lists jobs, and internal commands that wait for a person.
    Jobs(DatabaseConfig),
    /// Has a job, or a pair of partitions, that waits for a person tried again.
    RetryJob(RetryConfig),
    /// Makes an account an administrator of the deployment.
    MakeAdmin(AccountConfig),
    /// Makes an account no administrator any more.
    RemoveAdmin(AccountConfig),
    /// Gives an account another password, the first line of the standard input, and ends its sessions.
    ResetPassword(AccountConfig),
    /// Ends the sessions of an account.
    CloseSessions(AccountConfig),
    /// Lets nobody sign in to an account, and ends its sessions.
    Disable(AccountConfig),
    /// Lets somebody sign in to an account again.
    Enable(AccountConfig),
}

/// A list for operators.
#[derive(Debug, Clone, Args)]
pub struct ListConfig {
    /// Where Postgres is.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// Begin after this name, or this id of a server.
    pub after: Option<String>,
}

/// A search for operators.
#[derive(Debug, Clone, Args)]
pub struct SearchConfig {
    /// Where Postgres is.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// What the names begin with, whatever the case.
    pub prefix: String,
    /// Begin after this name.
    pub after: Option<String>,
}

/// Which sign-ups.
#[derive(Debug, Clone, Args)]
pub struct SignUpsConfig {
    /// Where Postgres is.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// Only accounts from before this one, by its id.
    pub before: Option<u64>,
}

/// Which audit log.
#[derive(Debug, Clone, Args)]
pub struct AuditLogConfig {
    /// Where Postgres is.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// The id of the server.
    pub server: u64,
}

/// What is tried again.
#[derive(Debug, Clone, Args)]
pub struct RetryConfig {
    /// Where Postgres is.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// The number of a job, or of internal commands `TARGET/SOURCE`, as `jobs` shows them.
    pub id: String,
}

/// Which account, and how its lane is reached.
#[derive(Debug, Clone, Args)]
pub struct AccountConfig {
    /// Where Postgres is.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// Where Redis is.
    #[command(flatten)]
    pub bus: BusConfig,
    /// The keys of the cluster.
    #[command(flatten)]
    pub keys: KeyConfig,
    /// The name of the account.
    pub name: String,
}

/// Where Postgres is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseConfig {
    /// Postgres, connected directly: lanes hold locks on their connection, which
    /// a pooler would hand to others. Holds a password, so set it in the environment.
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Secret<String>,
    /// How long events and nonces are kept, in days; nonces up to a week longer.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=365))]
    pub retention_days: u16,
}

/// How often something may be done, as `--limit-send` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(pub Option<Quota>);

/// The text is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a quota looks like 30/60s+5 (count, period, burst) or 30/60s+5!60s (cooldown), or is off")]
pub struct NotALimit;

impl FromStr for Limit {
    type Err = NotALimit;

    fn from_str(text: &str) -> Result<Self, NotALimit> {
        if text == "off" {
            return Ok(Self(None));
        }
        let quota = || {
            let (count, rest) = text.split_once('/')?;
            let (period, rest) = rest.split_once('+')?;
            let (burst, cooldown) = match rest.split_once('!') {
                Some((burst, cooldown)) => (burst, parse_ms(cooldown)?),
                None => (rest, 0),
            };
            let quota = Quota {
                burst: burst.parse().ok()?,
                count: count.parse().ok()?,
                period_ms: parse_ms(period)?,
                cooldown_ms: cooldown,
            };
            (quota.burst > 0 && quota.count > 0 && quota.period_ms > 0).then_some(quota)
        };
        quota().map(|quota| Self(Some(quota))).ok_or(NotALimit)
    }
}

/// A number and its unit, in milliseconds.
fn parse_ms(text: &str) -> Option<u32> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u32>().ok()?.checked_mul(unit_ms)
}

/// How long what was recorded of moderating is kept.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Audit log")]
pub struct AuditConfig {
    /// Days that entries about the server, its invites, channels and roles are kept.
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3_650))]
    pub audit_structure_days: u16,
    /// Days that entries about members are kept.
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3_650))]
    pub audit_members_days: u16,
    /// Days that entries about messages are kept.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3_650))]
    pub audit_messages_days: u16,
    /// Days that entries about rules and reports are kept.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3_650))]
    pub audit_rules_days: u16,
}

/// Everything `worker run` needs.
#[derive(Debug, Clone, Args)]
pub struct WorkerConfig {
    /// Where Postgres is.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// Where Redis is.
    #[command(flatten)]
    pub bus: BusConfig,
    /// Who this process is.
    #[command(flatten)]
    pub node: NodeConfig,
    /// The keys of the cluster.
    #[command(flatten)]
    pub keys: KeyConfig,
    /// How long the audit log is kept.
    #[command(flatten)]
    pub audit: AuditConfig,
    /// The operations port.
    #[command(flatten)]
    pub ops: OpsConfig,
    /// Web push, and where requests of the worker may go.
    #[command(flatten)]
    pub push: PushConfig,
    /// Logs and traces.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
    /// How many lanes write; by default one per two cores, as each keeps Postgres busy, too,
    /// and fewer lanes make larger batches. Each has a connection to Postgres.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub lanes: Option<u16>,
    /// How many queries are answered at once. Each may use a connection to Postgres.
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub queries: u16,
    /// An entry that waited longer than this is refused unexecuted, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 15_000)]
    pub deadline_ms: u64,
    /// Who may create an account, until the administrator says otherwise.
    #[arg(long, value_enum, default_value_t = SignUp::Invite)]
    pub signup: SignUp,
    /// Whether people may come in as guests, without a password, until the administrator says
    /// otherwise.
    #[arg(long, value_name = "BOOL", default_value_t = false, action = clap::ArgAction::Set)]
    pub guests: bool,
    /// Servers that one account may be in. Each is a topic of its sessions: a client that
    /// resumes names them all.
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub max_servers: u32,
    /// Guests that there may be.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub max_guests: u32,
    /// Messages and edits per account. A limit is `count/period+burst`, as `30/60s+5`: 30 in 60
    /// seconds and 5 at once; with a cooldown, as `30/60s+5!60s`, who exceeds it is refused for
    /// 60 seconds. `off` is no limit. Units are `ms`, `s`, `m` and `h`.
    #[arg(long, value_name = "LIMIT", default_value = "30/60s+5!60s")]
    pub limit_send: Limit,
    /// Other changes per account.
    #[arg(long, value_name = "LIMIT", default_value = "60/60s+20")]
    pub limit_write: Limit,
    /// Typing per account.
    #[arg(long, value_name = "LIMIT", default_value = "60/60s+10")]
    pub limit_signal: Limit,
    /// Read cursors and other registers per account.
    #[arg(long, value_name = "LIMIT", default_value = "120/60s+30")]
    pub limit_register: Limit,
    /// Questions per account.
    #[arg(long, value_name = "LIMIT", default_value = "600/60s+60")]
    pub limit_read: Limit,
    /// Searches per account.
    #[arg(long, value_name = "LIMIT", default_value = "60/60s+10")]
    pub limit_search: Limit,
    /// Signing in and up per network address, each of them by itself, and signing in per
    /// account.
    #[arg(long, value_name = "LIMIT", default_value = "30/60s+10")]
    pub limit_sign_in: Limit,
}

impl WorkerConfig {
    /// The quota of a bucket; none where it is not limited.
    #[must_use]
    pub const fn quota_of(&self, limit: RateLimit) -> Option<Quota> {
        match limit {
            RateLimit::Send => self.limit_send.0,
            RateLimit::Write => self.limit_write.0,
            RateLimit::Signal => self.limit_signal.0,
            RateLimit::Register => self.limit_register.0,
            RateLimit::Read => self.limit_read.0,
            RateLimit::Search => self.limit_search.0,
            RateLimit::SignIn => self.limit_sign_in.0,
            RateLimit::Unlimited => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_read_from_configuration() {
        let cooled = |count, period_ms, burst, cooldown_ms| {
            Ok(Limit(Some(Quota {
                burst,
                count,
                period_ms,
                cooldown_ms,
            })))
        };
        let quota = |count, period_ms, burst| cooled(count, period_ms, burst, 0);
        assert_eq!("30/60s+5".parse::<Limit>(), quota(30, 60_000, 5));
        assert_eq!("1/500ms+1".parse::<Limit>(), quota(1, 500, 1));
        assert_eq!("100/1h+10".parse::<Limit>(), quota(100, 3_600_000, 10));
        assert_eq!("30/60s+5!1m".parse(), cooled(30, 60_000, 5, 60_000));
        assert_eq!("30/60s+5!0s".parse(), quota(30, 60_000, 5));
        assert_eq!("off".parse(), Ok(Limit(None)));
        for bad in [
            "",
            "30",
            "30/60s",
            "30/60+5",
            "0/60s+5",
            "30/0s+5",
            "30/60s+0",
            "-1/60s+5",
            "30/60d+5",
            "30/9999999h+5",
            "a/60s+b",
            "30/s+5",
            "30/60s+5!",
            "30/60s+5!60",
            "30/60s+5!-1s",
            "30/60s+5!1s!1s",
        ] {
            assert_eq!(bad.parse::<Limit>(), Err(NotALimit), "{bad}");
        }
    }
}
