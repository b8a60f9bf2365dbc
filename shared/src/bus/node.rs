//! What nodes tell of themselves with the leases that they renew: an administrator of the deployment
//! sees who runs, updates keep their order by it, and connections even out. A lease without it is that of an older program.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Bus, BusError, sealed};
use crate::{keys::ClusterKeys, protocol::admin::NodeKind};

/// How long a node is remembered that ended without a word.
const REMEMBERED: Duration = Duration::from_hours(1);

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A node, as it tells of itself: some hundred bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// What it is called; two that run at once may be called the same.
    pub name: String,
    /// The version of its program.
    pub version: String,
    /// When it was started, in milliseconds since 1970 by its own clock.
    pub since_ms: u64,
    /// The connections of a gateway, the partitions of a worker.
    pub load: u32,
    /// Commands that waited for a worker when it last looked.
    pub backlog: u64,
    /// When it told this, in milliseconds since 1970 by its own clock.
    pub told_ms: u64,
    /// The [level](super::level) of its program; of a gateway that never took clients, and of a
    /// program that knows no levels, 0.
    #[serde(default)]
    pub level: u32,
    /// How many more connections a gateway takes; none where it is not ready, or does not tell.
    #[serde(default)]
    pub free: Option<u32>,
}

/// Whose lease it is.
#[derive(Debug, Clone)]
pub struct NodeLease {
    /// What it is.
    pub kind: NodeKind,
    /// The process: no other has this name, not even the same node started again.
    pub process: String,
    /// How long it lives.
    pub ttl: Duration,
}

impl NodeLease {
    /// Renews it, and tells of the node. What cannot be sealed is not told; the lease is renewed.
    pub async fn renew(&self, bus: &Bus, keys: &ClusterKeys, node: &Node) -> Result<(), BusError> {
        for (prefix, ttl) in [
            (prefix(self.kind), self.ttl),
            (known(self.kind), REMEMBERED),
        ] {
            let told = sealed::seal(node, &place(prefix, &self.process), keys).unwrap_or_default();
            bus.tell_lease(prefix, &self.process, ttl, told).await?;
        }
        Ok(())
    }

    /// Gives it back, and is no more remembered.
    pub async fn release(&self, bus: &Bus) -> Result<(), BusError> {
        self.forget(bus).await?;
        bus.release_lease(prefix(self.kind), &self.process).await
    }

    /// Ends of its own will: who no longer lives is not taken for one that broke down.
    pub async fn forget(&self, bus: &Bus) -> Result<(), BusError> {
        bus.release_lease(known(self.kind), &self.process).await
    }
}

/// The processes of a kind that live, each with what it tells; none where it is of an older program,
/// or of another cluster key.
pub async fn list_nodes(
    bus: &Bus,
    keys: &ClusterKeys,
    kind: NodeKind,
) -> Result<Vec<(String, Option<Node>)>, BusError> {
    list(bus, keys, prefix(kind)).await
}

/// What nodes of a kind last told that ended without a word within the last hour. One that was
/// started again under its name is none of them.
pub async fn list_lost(
    bus: &Bus,
    keys: &ClusterKeys,
    kind: NodeKind,
    living: &[(String, Option<Node>)],
) -> Result<Vec<Node>, BusError> {
    let told = list(bus, keys, known(kind)).await?.into_iter();
    let lives = |process: &str, node: &Node| {
        let known = |other: &Node| other.name == node.name;
        living
            .iter()
            .any(|(other, told)| other == process || told.as_ref().is_some_and(known))
    };
    let lost = told.filter_map(|(process, node)| node.filter(|node| !lives(&process, node)));
    let mut lost: Vec<Node> = lost.collect();
    // The last process of each name.
    lost.sort_unstable_by_key(|node| node.told_ms);
    let last: BTreeMap<String, Node> = lost
        .into_iter()
        .map(|node| (node.name.clone(), node))
        .collect();
    Ok(last.into_values().collect())
}

async fn list(
    bus: &Bus,
    keys: &ClusterKeys,
    prefix: &str,
) -> Result<Vec<(String, Option<Node>)>, BusError> {
    let leases = bus.list_leases(prefix).await?.into_iter();
    let open = |(process, told): (String, Bytes)| {
        let node = sealed::open(&told, &place(prefix, &process), keys).ok();
        (process, node)
    };
    Ok(leases.map(open).collect())
}

/// The leases of this kind of node.
pub const fn prefix(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Gateway => "gateways",
        NodeKind::Worker => "workers",
    }
}

/// Leases that outlive this kind of node, unless it ends of its own will.
const fn known(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Gateway => "known-gateways",
        NodeKind::Worker => "known-workers",
    }
}

/// Where what is told opens.
fn place(prefix: &str, process: &str) -> String {
    format!("lease:{prefix}:{process}")
}

/// Names a process of a node by a number that no other has.
pub fn name_process(node: &str, random: u64) -> String {
    format!("{node}~{random:016x}")
}

/// The node of a process that was named so.
pub fn node_of(process: &str) -> &str {
    process.rsplit_once('~').map_or(process, |(node, _)| node)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(10);

    fn node(name: &str) -> Node {
        Node {
            name: name.to_owned(),
            version: VERSION.to_owned(),
            since_ms: 7,
            load: 3,
            backlog: 0,
            told_ms: 8,
            level: 1,
            free: Some(9),
        }
    }

    #[tokio::test]
    async fn who_tells_nothing_is_listed_and_nobody_speaks_for_another() {
        let bus = Bus::memory();
        let keys: ClusterKeys = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let lease = |process: &str| NodeLease {
            kind: NodeKind::Gateway,
            process: process.to_owned(),
            ttl: TTL,
        };
        lease("b").renew(&bus, &keys, &node("b")).await.unwrap();
        // Of an older program; and what one told put to another.
        bus.renew_lease("gateways", "a", TTL).await.unwrap();
        let leases = bus.list_leases("gateways").await.unwrap();
        let (_, told) = leases.last().unwrap().clone();
        bus.tell_lease("gateways", "c", TTL, told).await.unwrap();
        lease("d").renew(&bus, &keys, &node("d")).await.unwrap();
        lease("d").release(&bus).await.unwrap();

        let listed = list_nodes(&bus, &keys, NodeKind::Gateway).await.unwrap();
        let due = [("a", None), ("b", Some(node("b"))), ("c", None)];
        assert_eq!(listed, due.map(|(name, node)| (name.to_owned(), node)));
        let workers = list_nodes(&bus, &keys, NodeKind::Worker).await.unwrap();
        assert_eq!(workers, []);
    }

    #[tokio::test]
    async fn who_ends_without_a_word_is_missed() {
        let bus = Bus::memory();
        let keys: ClusterKeys = "0123456789abcdef0123456789abcdef".parse().unwrap();
        let lease = |process: &str| NodeLease {
            kind: NodeKind::Worker,
            process: process.to_owned(),
            ttl: Duration::ZERO,
        };
        let ended = [
            ("1", "leaves"),
            ("2", "breaks"),
            ("3", "comes back"),
            ("4", "breaks"),
        ];
        for (process, name) in ended {
            lease(process)
                .renew(&bus, &keys, &node(name))
                .await
                .unwrap();
        }
        lease("1").forget(&bus).await.unwrap();
        let again = NodeLease {
            ttl: TTL,
            ..lease("5")
        };
        again.renew(&bus, &keys, &node("comes back")).await.unwrap();

        let living = list_nodes(&bus, &keys, NodeKind::Worker).await.unwrap();
        assert_eq!(living, [("5".to_owned(), Some(node("comes back")))]);
        let lost = list_lost(&bus, &keys, NodeKind::Worker, &living).await;
        assert_eq!(lost.unwrap(), [node("breaks")]);
        again.release(&bus).await.unwrap();
        let lost = list_lost(&bus, &keys, NodeKind::Worker, &[]).await.unwrap();
        assert_eq!(lost, [node("breaks"), node("comes back")]);
    }

    #[test]
    fn a_process_says_which_node_it_is() {
        assert_eq!(node_of(&name_process("a~b", 9)), "a~b");
        assert_eq!(node_of("gateway-1"), "gateway-1");
    }
}
