//! What gateways ask for themselves: sessions, events, heads, who sees what.

use std::collections::BTreeMap;

use serde_bytes::ByteBuf;
use shared::{
    bus::envelope::{
        Caller, CallerKind, Envelope, NodeAnswer, NodeQuery, OpenStructure, OpenTopic, Opened,
        epoch_number, unpack,
    },
    domain::permissions::Standing,
    ids::{ServerId, UserId},
    protocol::control::TopicSeq,
};

use super::Deps;
use crate::{
    error::{Error, StoreError},
    store::read::{self, EventRow, Membership, Opening, Snapshot, structure},
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
        NodeQuery::Structures { .. } => "node_structures",
        NodeQuery::Changes { .. } => "node_changes",
    }
}

/// Answers from one snapshot.
pub(super) async fn answer(deps: &Deps, query: NodeQuery) -> Result<NodeAnswer, Error> {
    if let NodeQuery::Open { token, resume } = &query
        && let Some(answer) = open_at_once(deps, token, resume.as_ref()).await?
    {
        return Ok(with_push(answer, deps));
    }
    let mut snapshot = deps.store.snapshot().await?;
    let answer = read_answer(&mut snapshot, query).await?;
    snapshot.end().await;
    Ok(with_push(answer, deps))
}

/// Says to who opens a session whether devices are told here.
fn with_push(mut answer: NodeAnswer, deps: &Deps) -> NodeAnswer {
    if let NodeAnswer::Opened(opened) = &mut answer {
        opened.push = deps.push.is_some();
    }
    answer
}

async fn read_answer(snapshot: &mut Snapshot, query: NodeQuery) -> Result<NodeAnswer, StoreError> {
    match query {
        NodeQuery::Open { token, resume } => open_session(snapshot, &token, resume).await,
        NodeQuery::Identify { token } => read_caller(snapshot, &token).await,
        NodeQuery::Topic { user, server } => read_topic(snapshot, user, server).await,
        NodeQuery::Events {
            topic,
            after,
            bytes,
        } => read_events(snapshot, topic, after, bytes).await,
        NodeQuery::Heads { topics } => read_heads(snapshot, &topics).await,
        NodeQuery::Structures { servers } => read_structures(snapshot, servers).await,
        NodeQuery::Changes {
            topic,
            after,
            until,
        } => read_changes(snapshot, topic, after, until).await,
    }
}

async fn read_caller(snapshot: &mut Snapshot, token: &str) -> Result<NodeAnswer, StoreError> {
    let found = read::account::find_identity(snapshot, &token::hash_token(token)).await?;
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

/// Opens a session with one statement, unless the name of the log has to be read first.
async fn open_at_once(
    deps: &Deps,
    token: &str,
    resume: Option<&Resume>,
) -> Result<Option<NodeAnswer>, Error> {
    let Some(opening) = deps.store.find_opening(&token::hash_token(token)).await? else {
        return Ok(Some(NodeAnswer::Unauthenticated));
    };
    let Some(epoch) = opening.epoch.clone() else {
        return Ok(None);
    };
    Ok(Some(opened_answer(opening, epoch, resume)))
}

async fn open_session(
    snapshot: &mut Snapshot,
    token: &str,
    resume: Option<Resume>,
) -> Result<NodeAnswer, StoreError> {
    let Some(opening) = read::opening::find_opening(snapshot, &token::hash_token(token)).await?
    else {
        return Ok(NodeAnswer::Unauthenticated);
    };
    let epoch = read::event::epoch(snapshot).await?;
    Ok(opened_answer(opening, epoch, resume.as_ref()))
}

fn opened_answer(opening: Opening, epoch: String, resume: Option<&Resume>) -> NodeAnswer {
    let mut topics = own_topics(&opening);
    if let Some((named, places)) = resume {
        decide_resume(&mut topics, places, *named == epoch);
    }
    let Opening {
        session,
        user,
        registers,
        status,
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
        registers,
        status: Some(status),
        push: false,
    })
}

/// The account's own topic first, then its servers', as for a client without a past.
fn own_topics(opening: &Opening) -> Vec<OpenTopic> {
    let own = fresh_topic(opening.user.user_id.get(), &opening.heads, None);
    let servers = opening
        .memberships
        .iter()
        .map(|membership| server_topic(membership, &opening.heads));
    std::iter::once(own).chain(servers).collect()
}

fn server_topic((server, standing): &Membership, heads: &BTreeMap<u64, u64>) -> OpenTopic {
    fresh_topic(server.server_id.get(), heads, Some(standing.clone()))
}

fn fresh_topic(topic: u64, heads: &BTreeMap<u64, u64>, standing: Option<Standing>) -> OpenTopic {
    OpenTopic {
        topic,
        head: heads.get(&topic).copied().unwrap_or(0),
        replay_after: None,
        gap: false,
        standing,
    }
}

/// Says of each topic that the client named a place in, whether it can be
/// continued from there. Whether the log still goes back so far is found out by
/// who reads it. Topics that are not his (any longer) are passed over: he learns
/// that from his own topic or from `ready`.
fn decide_resume(topics: &mut [OpenTopic], places: &[TopicSeq], same_log: bool) {
    let places: BTreeMap<u64, u64> = places
        .iter()
        .map(|place| (place.topic, place.seq))
        .collect();
    for topic in topics {
        let Some(seq) = places.get(&topic.topic).copied() else {
            continue;
        };
        let since = topic.standing.as_ref().map_or(0, |standing| standing.since);
        // Above the head: the log is another one, whatever it calls itself. Before
        // the membership: what was said then is not for him.
        topic.gap = !same_log || seq > topic.head || seq < since;
        topic.replay_after = (!topic.gap).then_some(seq);
    }
}

async fn read_topic(
    snapshot: &mut Snapshot,
    user: UserId,
    server: ServerId,
) -> Result<NodeAnswer, StoreError> {
    let membership = read::server::find_membership(snapshot, server, user).await?;
    let Some(membership) = membership else {
        return Ok(NodeAnswer::Topic(None));
    };
    let heads = read::event::find_heads(snapshot, &[server.get()]).await?;
    Ok(NodeAnswer::Topic(Some(server_topic(&membership, &heads))))
}

async fn read_events(
    snapshot: &mut Snapshot,
    topic: u64,
    after: u64,
    bytes: u32,
) -> Result<NodeAnswer, StoreError> {
    let page = read::event::list_events(snapshot, topic, after, bytes).await?;
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
        audience,
        effect,
        body,
    } = event;
    let audience = audience
        .map(|bytes| unpack(&bytes))
        .transpose()
        .map_err(|_| StoreError::Inconsistency("the audience of an event"))?;
    Ok(Envelope {
        topic,
        seq,
        after: 0,
        visibility: channel,
        audience,
        key: None,
        effect: effect.map(ByteBuf::from),
        opcode,
        body: body.into(),
        trace: None,
    })
}

async fn read_heads(snapshot: &mut Snapshot, topics: &[u64]) -> Result<NodeAnswer, StoreError> {
    let epoch = epoch_number(&read::event::epoch(snapshot).await?);
    let heads = read::event::find_heads(snapshot, topics).await?;
    let registers = read::unread::find_register_versions(snapshot, topics).await?;
    let place = |(topic, seq)| TopicSeq { topic, seq };
    Ok(NodeAnswer::Heads {
        epoch,
        topics: heads.into_iter().map(place).collect(),
        registers: registers.into_iter().map(place).collect(),
    })
}

async fn read_structures(
    snapshot: &mut Snapshot,
    asked: Vec<(ServerId, Vec<UserId>)>,
) -> Result<NodeAnswer, StoreError> {
    let ids: Vec<ServerId> = asked.iter().map(|(server, _)| *server).collect();
    let topics: Vec<u64> = ids.iter().map(|server| server.get()).collect();
    let epoch = epoch_number(&read::event::epoch(snapshot).await?);
    let found = read::server::list_servers(snapshot, &ids).await?;
    let heads = read::event::find_heads(snapshot, &topics).await?;
    let settled = read::event::find_settled(snapshot, &topics).await?;
    let roles = read::server::list_roles(snapshot, &ids).await?;
    let overrides = read::server::list_overrides(snapshot, &ids).await?;
    let mut servers = Vec::with_capacity(found.len());
    for (server, version) in found {
        let id = server.server_id;
        let users = asked.iter().find(|(asked, _)| *asked == id);
        let standings = match users {
            Some((_, users)) if !users.is_empty() => {
                read::server::list_standings(snapshot, id, users).await?
            }
            _ => Vec::new(),
        };
        let of = |map: &BTreeMap<u64, u64>| map.get(&id.get()).copied().unwrap_or(0);
        servers.push(OpenStructure {
            head: of(&heads),
            version,
            settled: of(&settled),
            structure: structure(&server, &roles, &overrides).reduced(),
            standings,
        });
    }
    Ok(NodeAnswer::Structures { epoch, servers })
}

async fn read_changes(
    snapshot: &mut Snapshot,
    topic: u64,
    after: u64,
    until: u64,
) -> Result<NodeAnswer, StoreError> {
    let changes = read::event::list_changes(snapshot, topic, after, until).await?;
    Ok(NodeAnswer::Changes(changes.map(|list| {
        list.into_iter()
            .map(|(seq, effect)| (seq, ByteBuf::from(effect)))
            .collect()
    })))
}
