//! What gateways ask for themselves: sessions, events, heads, views.

use std::collections::BTreeMap;

use shared::{
    bus::envelope::{
        Caller, CallerKind, Effect, Envelope, NodeAnswer, NodeQuery, OpenTopic, Opened, unpack,
    },
    domain::permissions::{Standing, View, ViewId},
    frame,
    ids::{ServerId, UserId},
    protocol::control::TopicSeq,
};

use super::Deps;
use crate::{
    error::{Error, StoreError},
    store::read::{
        Crossed, EventRow, Membership, Opening, Overrides, Place, Roles, Snapshot, structure,
    },
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
    if let NodeQuery::Open { token, resume } = &query
        && let Some(answer) = open_at_once(deps, token, resume.as_ref()).await?
    {
        return Ok(answer);
    }
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
                kind: CallerKind::Person,
            })
        }),
    )
}

/// What a resuming client saw last.
type Resume = (String, Vec<TopicSeq>);

/// Opens a session with one statement, unless something has to be read besides.
async fn open_at_once(
    deps: &Deps,
    token: &str,
    resume: Option<&Resume>,
) -> Result<Option<NodeAnswer>, Error> {
    let Some(opening) = deps.store.find_opening(&token::hash(token)).await? else {
        return Ok(Some(NodeAnswer::Unauthenticated));
    };
    let Some(epoch) = opening.epoch.clone() else {
        return Ok(None);
    };
    let mut topics = own_topics(&opening);
    if let Some((named, places)) = resume
        && !decide(&mut topics, places, *named == epoch).is_empty()
    {
        return Ok(None);
    }
    Ok(Some(opened(opening, epoch, topics)))
}

async fn open(
    snapshot: &mut Snapshot,
    token: &str,
    resume: Option<Resume>,
) -> Result<NodeAnswer, StoreError> {
    let Some(opening) = snapshot.find_opening(&token::hash(token)).await? else {
        return Ok(NodeAnswer::Unauthenticated);
    };
    let epoch = match &opening.epoch {
        Some(epoch) => epoch.clone(),
        None => snapshot.epoch().await?,
    };
    let mut topics = own_topics(&opening);
    if let Some((named, places)) = resume {
        let behind = decide(&mut topics, &places, named == epoch);
        cross(snapshot, opening.user.user_id, &mut topics, &behind).await?;
    }
    Ok(opened(opening, epoch, topics))
}

fn opened(opening: Opening, epoch: String, topics: Vec<OpenTopic>) -> NodeAnswer {
    let Opening {
        session,
        user,
        memberships,
        ..
    } = opening;
    NodeAnswer::Opened(Opened {
        caller: Caller {
            user: user.user_id,
            session,
            kind: CallerKind::Person,
        },
        user,
        epoch,
        servers: memberships.into_iter().map(|(server, _)| server).collect(),
        topics,
    })
}

/// The account's own topic first, then its servers', as for a client without a past.
fn own_topics(opening: &Opening) -> Vec<OpenTopic> {
    let own = fresh(opening.user.user_id.get(), &opening.heads, None);
    let servers = opening.memberships.iter().map(|membership| {
        server_topic(
            membership,
            &opening.heads,
            &opening.roles,
            &opening.overrides,
        )
    });
    std::iter::once(own).chain(servers).collect()
}

fn server_topic(
    (server, standing): &Membership,
    heads: &BTreeMap<u64, u64>,
    roles: &Roles,
    overrides: &Overrides,
) -> OpenTopic {
    let structure = structure(server, roles, overrides);
    let view = (structure.view_id(standing), structure.view(standing));
    fresh(server.server_id.get(), heads, Some(view))
}

fn fresh(topic: u64, heads: &BTreeMap<u64, u64>, view: Option<(ViewId, View)>) -> OpenTopic {
    OpenTopic {
        topic,
        head: heads.get(&topic).copied().unwrap_or(0),
        replay_after: None,
        gap: false,
        view,
    }
}

/// Says of each topic that the client named a place in, whether it can be
/// continued from there; answers those whose log has to be looked at. Topics that
/// are not his (any longer) are passed over: he learns that from his own topic or
/// from `ready`.
fn decide(topics: &mut [OpenTopic], places: &[TopicSeq], same_log: bool) -> Vec<Place> {
    let places: BTreeMap<u64, u64> = places
        .iter()
        .map(|place| (place.topic, place.seq))
        .collect();
    let mut behind = Vec::new();
    for topic in topics {
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
    behind
}

/// Takes the replay from topics whose log does not hold it, or holds what it must not cross.
async fn cross(
    snapshot: &mut Snapshot,
    account: UserId,
    topics: &mut [OpenTopic],
    behind: &[Place],
) -> Result<(), StoreError> {
    if behind.is_empty() {
        return Ok(());
    }
    let held = snapshot.list_held(behind).await?;
    let crossed = snapshot.list_crossed(behind).await?;
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
    let Some(membership) = membership else {
        return Ok(NodeAnswer::Topic(None));
    };
    let heads = snapshot.find_heads(&[server.get()]).await?;
    let roles = snapshot.list_roles(&[server]).await?;
    let overrides = snapshot.list_overrides(&[server]).await?;
    let topic = server_topic(&membership, &heads, &roles, &overrides);
    Ok(NodeAnswer::Topic(Some(topic)))
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
