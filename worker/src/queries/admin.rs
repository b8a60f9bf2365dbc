//! What an administrator sees of the deployment.

use std::collections::HashSet;

use shared::{
    bus::node::{Node, list_lost, list_nodes, node_of},
    domain::limits::MAX_NODES,
    protocol::{
        Handler,
        admin::{DeploymentStatus, GetDeploymentStatus, NodeKind, NodeStatus},
    },
};

use super::{Deps, context::QueryContext};
use crate::{error::Error, store::read};

impl Handler<QueryContext> for GetDeploymentStatus {
    async fn handle(self, ctx: &mut QueryContext) -> Result<DeploymentStatus, Error> {
        let row = read::admin::get_status(ctx.snapshot().await?).await?;
        let epoch = read::event::epoch(ctx.snapshot().await?).await?;
        ctx.release().await;
        let deps = ctx.deps();
        let workers = list_nodes(&deps.bus, &deps.keys, NodeKind::Worker).await?;
        let backlogs = workers.iter().flat_map(|(_, node)| node);
        let waiting_commands = backlogs.map(|node| node.backlog).sum();
        let mut nodes = list_gateways(deps).await?;
        nodes.extend(list_missed(deps, NodeKind::Worker, &workers).await?);
        let worker = |(process, node)| status(NodeKind::Worker, process, node);
        nodes.extend(workers.into_iter().map(worker));
        nodes.sort_by(|a, b| (a.kind as u8, &a.name).cmp(&(b.kind as u8, &b.name)));
        nodes.truncate(MAX_NODES);
        let online = deps.presence.read(shared::presence::Union::len);
        Ok(DeploymentStatus {
            nodes,
            online: u32::try_from(online).unwrap_or(u32::MAX),
            accounts: row.accounts,
            servers: row.servers,
            messages: row.messages,
            database_bytes: row.database_bytes,
            waiting_commands,
            oldest_work_ms: row.oldest_work_ms,
            parked: u32::try_from(row.parked).unwrap_or(u32::MAX),
            unread_events: row.unread_events,
            epoch,
        })
    }
}

/// Those that renew leases, and those of before, which only tell who is there.
async fn list_gateways(deps: &Deps) -> Result<Vec<NodeStatus>, Error> {
    let leases = list_nodes(&deps.bus, &deps.keys, NodeKind::Gateway).await?;
    let missed = list_missed(deps, NodeKind::Gateway, &leases).await?;
    let known: HashSet<&str> = leases.iter().map(|(process, _)| &**process).collect();
    let older: Vec<String> = deps.presence.read(|union| {
        let heard = union.gateways().filter(|process| !known.contains(process));
        heard.map(str::to_owned).collect()
    });
    let all = leases
        .into_iter()
        .chain(older.into_iter().map(|process| (process, None)));
    let gateway = |(process, node): (String, Option<Node>)| {
        status(NodeKind::Gateway, node_of(&process).to_owned(), node)
    };
    Ok(all.map(gateway).chain(missed).collect())
}

/// Those that ended without a word.
async fn list_missed(
    deps: &Deps,
    kind: NodeKind,
    living: &[(String, Option<Node>)],
) -> Result<Vec<NodeStatus>, Error> {
    let lost = list_lost(&deps.bus, &deps.keys, kind, living).await?;
    let missed = |node: Node| NodeStatus {
        load: None,
        gone: Some(node.told_ms),
        ..status(kind, node.name.clone(), Some(node))
    };
    Ok(lost.into_iter().map(missed).collect())
}

/// A node as it tells, or where it tells nothing, what is known of it.
fn status(kind: NodeKind, name: String, node: Option<Node>) -> NodeStatus {
    let told = node.as_ref();
    NodeStatus {
        kind,
        since: told.map(|node| node.since_ms),
        load: told.map(|node| node.load),
        gone: None,
        version: told.map(|node| node.version.clone()),
        name: node.map_or(name, |node| node.name),
    }
}
