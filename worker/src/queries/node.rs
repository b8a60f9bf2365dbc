//! What gateways ask for themselves: sessions, events, heads, views.

use std::collections::BTreeMap;

use shared::{
    bus::envelope::{Caller, Effect, Envelope, NodeAnswer, NodeQuery, OpenTopic, Opened, unpack},
    domain::permissions::{Standing, View, ViewId},
    frame,
    ids::{ServerId, UserId},
    protocol::control::TopicSeq,
};

use super::Deps;
use crate::{
    error::{Error, StoreError},
    store::read::{Crossed, EventRow, Membership, Place, Snapshot, structure},
    token,
};

/// The name in metrics and logs.
pub(super) const fn name(query: &NodeQuery) -> &'static str {
    match query {
        NodeQuery::Open { .. } => "node_open",
        NodeQuery::Identify { .. } => "node_identify",
        NodeQuery::Topic { .. } => "node_topic",
        NodeQuery::Events { .. } => "node_events",
        NodeQuery::Heads { .. } => "node_heads",
        NodeQuery::Views { .. } => "node_views",
    }
}

/// Answers from one snapshot.
pub(super) async fn answer(deps: &Deps, query: NodeQuery) -> Result<NodeAnswer, Error> {
    let mut snapshot = deps.store.snapshot().await?;
    let answer = read(&mut snapshot, query).await?;
    snapshot.end().await;
    Ok(answer)
}

async fn read(snapshot: &mut Snapshot, query: NodeQuery) -> Result<NodeAnswer, StoreError> {
    match query {
        NodeQuery::Open { token, resume } => open(snapshot, &token, resume).await,
        NodeQuery::Identify { token } => identify(snapshot, &token).await,
        NodeQuery::Topic { user, server } => topic(snapshot, user, server).await,
        NodeQuery::Events { topic, after } => events(snapshot, topic, after).await,
        NodeQuery::Heads { topics } => heads(snapshot, &topics).await,
        NodeQuery::Views { server, users, .. } => views(snapshot, server, &users).await,
    }
}

async fn identify(snapshot: &mut Snapshot, token: &str) -> Result<NodeAnswer, StoreError> {
    let found = snapshot.find_identity(&token::hash(token)).await?;
    Ok(
        found.map_or(NodeAnswer::Unauthenticated, |(session, user)| {
            NodeAnswer::Identified(Caller {
                user: user.user_id,
                session,
            })
        }),
    )
}

async fn open(
    snapshot: &mut Snapshot,
    token: &str,
    resume: Option<(String, Vec<TopicSeq>)>,
) -> Result<NodeAnswer, StoreError> {
    let Some((session, user)) = snapshot.find_identity(&token::hash(token)).await? else {
        return Ok(NodeAnswer::Unauthenticated);
    };
    let account = user.user_id;
    let epoch = snapshot.epoch().await?;
    let memberships = snapshot.list_memberships(account).await?;
    let mut topics = topics(snapshot, account, &memberships).await?;
    if let Some((named, places)) = resume {
        decide(snapshot, account, &mut topics, &places, named == epoch).await?;
    }
    Ok(NodeAnswer::Opened(Opened {
        caller: Caller {
            user: account,
            session,
        },
        user,
        epoch,
        servers: memberships.into_iter().map(|(server, _)| server).collect(),
        topics,
    }))
}

/// The account's own topic first, then its servers', as for a client without a past.
async fn topics(
    snapshot: &mut Snapshot,
    account: UserId,
    memberships: &[Membership],
) -> Result<Vec<OpenTopic>, StoreError> {
    let servers: Vec<ServerId> = memberships
        .iter()
        .map(|(server, _)| server.server_id)
        .collect();
    let ids: Vec<u64> = std::iter::once(account.get())
        .chain(servers.iter().map(|server| server.get()))
        .collect();
    let heads = snapshot.find_heads(&ids).await?;
    let roles = snapshot.list_roles(&servers).await?;
    let overrides = snapshot.list_overrides(&servers).await?;
    let views = memberships.iter().map(|(server, standing)| {
        let structure = structure(server, &roles, &overrides);
        Some((structure.view_id(standing), structure.view(standing)))
    });
    Ok(ids
        .into_iter()
        .zip(std::iter::once(None).chain(views))
        .map(|(topic, view)| OpenTopic {
            topic,
            head: heads.get(&topic).copied().unwrap_or(0),
            replay_after: None,
            gap: false,
            view,
        })
        .collect())
}

/// Says of each topic that the client named a place in, whether it can be
/// continued from there. Topics that are not his (any longer) are passed over:
/// he learns that from his own topic or from `ready`.
async fn decide(
    snapshot: &mut Snapshot,
    account: UserId,
    topics: &mut [OpenTopic],
    places: &[TopicSeq],
    same_log: bool,
) -> Result<(), StoreError> {
    let places: BTreeMap<u64, u64> = places
        .iter()
        .map(|place| (place.topic, place.seq))
        .collect();
    let mut behind = Vec::new();
    for topic in &mut *topics {
        let Some(seq) = places.get(&topic.topic).copied() else {
            continue;
        };
        // Above the head: the log is another one, whatever it calls itself.
        topic.gap = !same_log || seq > topic.head;
        if topic.gap {
            continue;
        }
        topic.replay_after = Some(seq);
        if seq < topic.head {
            behind.push(Place {
                topic: topic.topic,
                seq,
            });
        }
    }
    if behind.is_empty() {
        return Ok(());
    }
    let held = snapshot.list_held(&behind).await?;
    let crossed = snapshot.list_crossed(&behind).await?;
    for topic in topics {
        let lost =
            behind.iter().any(|place| place.topic == topic.topic) && !held.contains(&topic.topic);
        let forbidden = crossed
            .iter()
            .any(|(crossed, what)| *crossed == topic.topic && forbids(what, account));
        if lost || forbidden {
            topic.replay_after = None;
            topic.gap = true;
        }
    }
    Ok(())
}

/// Whether the account's replay must not cross this: its rights before were
/// others than today's, so today's view would hide or leak what lies there.
fn forbids(crossed: &Crossed, account: UserId) -> bool {
    match crossed {
        // - `members` only says whose view has another name: where a role's
        //   override changed too, everyone's view holds other things;
        // - today's view does not hold a deleted channel, so it would hide that it went.
        Crossed::Effect(Effect::Rights { .. }) | Crossed::ChannelDeleted | Crossed::Obscure => true,
        // He was away in between: what was said then is not for him.
        Crossed::Effect(Effect::Left { user }) => *user == account,
        Crossed::Joined(joined) => joined.member.user.user_id == account,
        Crossed::Effect(
            Effect::Appeared { .. } | Effect::Joined { .. } | Effect::Revoked { .. },
        ) => false,
    }
}

async fn topic(
    snapshot: &mut Snapshot,
    user: UserId,
    server: ServerId,
) -> Result<NodeAnswer, StoreError> {
    let membership = snapshot.find_membership(server, user).await?;
    let opened = match membership {
        Some(membership) => topics(snapshot, user, &[membership]).await?.pop(),
        None => None,
    };
    Ok(NodeAnswer::Topic(opened))
}

async fn events(snapshot: &mut Snapshot, topic: u64, after: u64) -> Result<NodeAnswer, StoreError> {
    let page = snapshot.list_events(topic, after).await?;
    Ok(NodeAnswer::Events {
        too_old: page.events.is_empty() && after < page.head,
        head: page.head,
        events: page
            .events
            .into_iter()
            .map(|event| envelope(topic, event))
            .collect::<Result<_, _>>()?,
    })
}

/// The same envelope as was published when the event was new.
fn envelope(topic: u64, event: EventRow) -> Result<Envelope, StoreError> {
    let EventRow {
        seq,
        opcode,
        channel,
        effect,
        body,
    } = event;
    let effect = effect
        .map(|bytes| unpack(&bytes))
        .transpose()
        .map_err(|_| StoreError::Inconsistency("the effect of an event"))?;
    Ok(Envelope {
        topic,
        seq,
        channel,
        effect,
        frame: frame::websocket_event(topic, seq, opcode, &body).into(),
        trace: None,
    })
}

async fn heads(snapshot: &mut Snapshot, topics: &[u64]) -> Result<NodeAnswer, StoreError> {
    let heads = snapshot.find_heads(topics).await?;
    Ok(NodeAnswer::Heads {
        topics: heads
            .into_iter()
            .map(|(topic, seq)| TopicSeq { topic, seq })
            .collect(),
    })
}

async fn views(
    snapshot: &mut Snapshot,
    server: ServerId,
    users: &[UserId],
) -> Result<NodeAnswer, StoreError> {
    let heads = snapshot.find_heads(&[server.get()]).await?;
    let seq = heads.get(&server.get()).copied().unwrap_or(0);
    let Some(found) = snapshot.find_server(server).await? else {
        // Nobody is a member of what does not exist.
        return Ok(NodeAnswer::Views {
            seq,
            members: Vec::new(),
            views: Vec::new(),
        });
    };
    let standings: Vec<Standing> = snapshot.list_standings(server, users).await?;
    let roles = snapshot.list_roles(&[server]).await?;
    let overrides = snapshot.list_overrides(&[server]).await?;
    let structure = structure(&found, &roles, &overrides);
    let mut views: BTreeMap<ViewId, View> = BTreeMap::new();
    let mut members = Vec::with_capacity(standings.len());
    for standing in &standings {
        let id = structure.view_id(standing);
        views.entry(id).or_insert_with(|| structure.view(standing));
        members.push((standing.user, id));
    }
    Ok(NodeAnswer::Views {
        seq,
        members,
        views: views.into_iter().collect(),
    })
}
