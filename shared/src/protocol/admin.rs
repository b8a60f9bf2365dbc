//! What operators do to accounts: sent by `worker admin`, as a worker forwards what it prepared. And
//! what an administrator sees of the deployment.

use serde::{Deserialize, Serialize};
use shared_derive::{Body, Choice};

use super::macros::family;
use crate::ids::UserId;

family! {
    commands: OperateAccount;
    queries: GetDeploymentStatus;
}

/// Changes an account in its lane; what is absent stays.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[internal(62272, account_operate, reply = AccountOperated)]
pub struct OperateAccount {
    /// The idempotency key.
    pub nonce: String,
    /// The account.
    pub user_id: UserId,
    /// Whether it administers the deployment.
    pub admin: Option<bool>,
    /// The hash of its new password in PHC form; not for guests.
    pub password_hash: Option<String>,
    /// Whether nobody can sign in to it.
    pub disabled: Option<bool>,
    /// Whether all of its sessions end.
    pub end_sessions: bool,
}

/// An account was changed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct AccountOperated {
    /// How many sessions ended.
    pub sessions: u32,
}

/// Shows who runs the deployment, how much it holds and what waits, without reading what it counts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2880, deployment_status, reply = DeploymentStatus, access = Deployment, limit = Read)]
pub struct GetDeploymentStatus {}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum NodeKind {
    /// It holds the sockets.
    #[default]
    Gateway,
    /// It holds the rules.
    Worker,
}

/// A process that renews its lease; one that was killed is said to be gone some seconds later. A
/// program of before tells less.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct NodeStatus {
    /// What it is.
    pub kind: NodeKind,
    /// What it is called; a worker of before, by the number of its process.
    pub name: String,
    /// The version of its program; none where it does not tell.
    pub version: Option<String>,
    /// When it was started, in milliseconds since 1970 by its own clock; none where it does not tell.
    pub since: Option<u64>,
    /// The connections of a gateway, the partitions of a worker; none where it does not tell.
    pub load: Option<u32>,
    /// When it last told of itself, in milliseconds since 1970 by its own clock, if it ended without
    /// a word within the last hour and did not come back; none where it runs.
    pub gone: Option<u64>,
}

/// How a deployment is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct DeploymentStatus {
    /// Who runs, gateways first, by name; at most 1,000.
    pub nodes: Vec<NodeStatus>,
    /// Accounts that look online to others: not those that are invisible.
    pub online: u32,
    /// Accounts, guests among them: exact up to 10,000, then what Postgres estimates, which counts
    /// deleted ones, too.
    pub accounts: u64,
    /// Servers: exact up to 10,000, then what Postgres estimates.
    pub servers: u64,
    /// Messages: exact up to 10,000, then what Postgres estimates, which counts deleted ones, too, as
    /// long as they have a row.
    pub messages: u64,
    /// The size of the database on the disk, indexes and log included.
    pub database_bytes: u64,
    /// Commands that waited in the streams when the workers last looked, a second ago at most.
    pub waiting_commands: u64,
    /// For how many milliseconds the oldest job that is due, or internal command, has waited; 0 where none does.
    pub oldest_work_ms: u64,
    /// Jobs, and internal commands of one partition for another, that failed too often and wait for
    /// a person: `worker admin jobs` lists them.
    pub parked: u32,
    /// Events of the log that its consumers did not read yet.
    pub unread_events: u64,
    /// Names the event log, as `ready` does.
    pub epoch: String,
}
