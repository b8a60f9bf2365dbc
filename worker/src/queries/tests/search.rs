//! A search finds what a naive reader would who may read it, and nothing else.

use std::{cell::Cell, collections::BTreeSet, fmt::Write as _, time::Duration};

use proptest::{collection::vec, prelude::*};
use shared::{
    domain::{
        permissions::Permissions,
        search::{Has, SearchFilter},
    },
    error::Reason,
    ids::MessageId,
    protocol::{
        search::{FoundMessages, SearchMessages},
        server::ListOverviews,
    },
};
use tokio::runtime::Runtime;

use super::{
    super::search::search,
    chat::{BOB, CAROL, Chat, DAVE, OPEN, OTHER_CHANNEL, SECRET, SERVER, SILENT, id},
};
use crate::{
    error::Error,
    fixture,
    store::{PgConnectOptions, read::Store, search_index::Index},
    support::postgres,
};

fn request(query: &str) -> SearchMessages {
    SearchMessages {
        query: query.to_owned(),
        filter: None,
        before: None,
        limit: Some(200),
    }
}

#[tokio::test]
async fn only_what_may_be_read_is_found() {
    let chat = Chat::new().await;
    for channel in [OPEN, SECRET, SILENT, OTHER_CHANNEL] {
        chat.messages(channel, 70, "a needle").await;
        chat.run(&format!(
            "UPDATE channels SET last_seq = 70, last_message_id = {channel} * 10000 + 70 WHERE id = {channel};
             UPDATE messages SET deleted = true, content = '' WHERE channel = {channel} AND seq IN (5, 69)"
        ))
        .await;
    }
    let channels = async |account, scope, query: &str| {
        let found = chat.ask(account, scope, request(query)).await?;
        assert_eq!(found.next, None);
        assert!(
            found
                .messages
                .is_sorted_by(|a, b| a.message.message_id > b.message.message_id)
        );
        let places = found.messages.iter().map(|it| it.channel_id.get());
        let channels: BTreeSet<u64> = places.collect();
        assert_eq!(found.messages.len(), channels.len() * 68);
        Ok(channels.into_iter().collect::<Vec<u64>>())
    };
    assert_eq!(channels(BOB, 0, "needle").await.unwrap(), [OPEN, SECRET]);
    assert_eq!(channels(CAROL, 0, "NEEDLE").await.unwrap(), [OPEN]);
    assert_eq!(channels(CAROL, SERVER, "needle").await.unwrap(), [OPEN]);
    assert_eq!(channels(DAVE, 0, "needle").await.unwrap(), [OTHER_CHANNEL]);
    assert_eq!(channels(BOB, 0, "needle in:102").await.unwrap(), [SECRET]);
    assert_eq!(channels(BOB, 0, "from:2").await.unwrap(), [OPEN, SECRET]);
    // What one may not read is as if it was not there.
    for none in [
        "needle in:102",
        "needle in:103",
        "needle in:201",
        "in:999",
        "from:3",
        "thread",
    ] {
        let found = channels(CAROL, 0, none).await.unwrap();
        assert_eq!(found, [0_u64; 0], "{none}");
    }
    for scope in [200, 999] {
        let refused: Result<_, shared::error::Refusal> = channels(CAROL, scope, "needle").await;
        assert_eq!(refused.unwrap_err().reason, Reason::UnknownServer);
    }
    for bad in ["", "from:nobody", "has:wings"] {
        let refused = chat.ask(CAROL, 0, request(bad)).await.unwrap_err();
        assert_eq!(refused.reason, Reason::Invalid, "{bad}");
    }
}

#[tokio::test]
async fn no_cursor_says_where_a_hidden_message_is() {
    let chat = Chat::new().await;
    // In a channel that Carol does not see, enough mentions of her to fill a look at them, above
    // the one that she may read.
    for (channel, count) in [(OPEN, 1), (SECRET, 600)] {
        chat.messages(channel, count, "ping").await;
        chat.run(&format!(
            "UPDATE messages SET mentions = '{{{CAROL}}}' WHERE channel = {channel};
             INSERT INTO mentions SELECT {CAROL}, channel, seq, id, {SERVER} FROM messages
                 WHERE channel = {channel};
             UPDATE channels SET last_seq = {count}, last_message_id = (
                 SELECT max(id) FROM messages WHERE channel = {channel}) WHERE id = {channel}"
        ))
        .await;
    }
    let ask = async || {
        let filter = SearchFilter {
            mentions: vec![id(CAROL), id(BOB)],
            ..SearchFilter::default()
        };
        let request = SearchMessages {
            filter: Some(filter),
            limit: Some(1),
            ..request("")
        };
        chat.ask(CAROL, 0, request).await.unwrap()
    };
    let before = ask().await;
    assert_eq!((before.messages.len(), before.next), (1, None));
    // The mentions of somebody else, below it, are all hidden, too.
    chat.run(&format!(
        "DELETE FROM mentions WHERE channel = {SECRET};
         INSERT INTO mentions SELECT {BOB}, {SECRET}, n, n, {SERVER} FROM generate_series(1000, 1600) n"
    ))
    .await;
    assert!(before == ask().await, "what is hidden changes no answer");
}

#[tokio::test]
async fn a_look_over_many_overrides_ends_and_goes_on() {
    let chat = Chat::new().await;
    let with_many = |server: u64| {
        format!(
            "INSERT INTO servers (id, name, owner) VALUES ({server}, 'large', {BOB});
             INSERT INTO roles (server, id, name, permissions) VALUES ({server}, {server}, 'all', 1);
             INSERT INTO members (server, account) VALUES ({server}, {BOB});
             INSERT INTO channels (id, server, name, position)
                 SELECT {server} * 1000 + n, {server}, 'c', n FROM generate_series(1, 60) n;
             INSERT INTO overrides (channel, kind, target, allow, deny)
                 SELECT {server} * 1000 + c, 1, n, 0, 1
                 FROM generate_series(1, 60) c, generate_series(1, 100) n"
        )
    };
    let servers = [301, 302, 303, 304];
    for server in servers {
        chat.run(&with_many(server)).await;
    }
    let (mut from, mut pages) = (None, Vec::new());
    loop {
        let ask = ListOverviews {
            server_ids: servers.map(id).to_vec(),
            from,
        };
        let page = chat.ask(BOB, 0, ask).await.unwrap();
        let ids = page.servers.iter().map(|it| it.info.server.server_id.get());
        pages.push(ids.collect::<Vec<u64>>());
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(pages, [[301, 302], [303, 304]]);
    // Few channels with much to say fill an answer, too: the first one here is one of them.
    let long = "UPDATE channels SET topic = repeat('\u{1F600}', 1024) WHERE server IN (301, 302);
                INSERT INTO channels (id, server, name, position, topic)
                    SELECT 900000 + n, 301, 'c', n, repeat('\u{1F600}', 1024)
                    FROM generate_series(1, 200) n";
    chat.run(long).await;
    let ask = ListOverviews {
        server_ids: servers.map(id).to_vec(),
        from: None,
    };
    let page = chat.ask(BOB, 0, ask).await.unwrap();
    assert_eq!((page.servers.len(), page.next), (1, Some(id(302))));
}

const WORDS: [&str; 8] = [
    "alpha",
    "Alphabet",
    "beta",
    "猫が好き",
    "https://x.y",
    "a",
    "gamma delta",
    "ＡＬＰ",
];
const QUERIES: [&str; 9] = [
    "alp", "ALPHA", "が", "猫が", "et", "gamma d", "https://", "a", "nothing",
];
/// Two servers with three channels each, and four accounts.
const SERVERS: [i64; 2] = [100, 200];
const ROLES: [i64; 2] = [1, 2];

/// What anybody may be given or denied.
fn bits() -> impl Strategy<Value = Permissions> {
    let bits = [
        Permissions::VIEW_CHANNEL,
        Permissions::READ_HISTORY,
        Permissions::SEND_MESSAGES,
    ];
    (0..8_u8, 0..16_u8).prop_map(move |(set, admin)| {
        let chosen = bits
            .iter()
            .enumerate()
            .filter(|(at, _)| set & (1 << at) != 0);
        let chosen = chosen.fold(Permissions::empty(), |sum, (_, bit)| sum | *bit);
        if admin == 0 {
            chosen | Permissions::ADMINISTRATOR
        } else {
            chosen
        }
    })
}

/// Kind, target, allow and deny; kind 0 is a role, of which 0 is that of everyone.
type Rule = (i16, i64, Permissions, Permissions);

#[derive(Debug, Clone)]
struct Said {
    channel: i64,
    author: i64,
    words: Vec<usize>,
    gap: u32,
    deleted: bool,
    edited: bool,
    /// Whom it mentions: an account, or everyone of a server.
    target: Option<u64>,
    pinned: bool,
}

impl Said {
    /// What of it stands in other tables, unless it is deleted.
    fn marks(&self, id: u64) -> String {
        let mut sql = String::new();
        let channel = self.channel;
        if let Some(target) = self.target.filter(|_| !self.deleted) {
            write!(
                sql,
                "UPDATE messages SET mentions = '{{{target}}}' WHERE channel = {channel} AND id = {id};
                 INSERT INTO mentions VALUES ({target}, {channel}, 1, {id}, 100);"
            ).unwrap();
        }
        if self.pinned && !self.deleted {
            write!(
                sql,
                "INSERT INTO pins VALUES ({channel}, {id}, 1, 0, {id});"
            )
            .unwrap();
        }
        sql
    }
}

#[derive(Debug, Clone)]
struct World {
    /// Of each server: what everyone may, and what the two roles may.
    roles: [[Permissions; 3]; 2],
    /// Of each server and account: whether it is a member, and with which roles.
    members: [[Option<[bool; 2]>; 4]; 2],
    rules: [Vec<Rule>; 6],
    said: Vec<Said>,
    /// How many of these were said before the index was made.
    early: usize,
}

fn channel_id(place: usize) -> i64 {
    1_000 + i64::try_from(place).unwrap()
}

fn said() -> impl Strategy<Value = Said> {
    let place = prop_oneof![4 => Just(0_usize), 3 => Just(3_usize), 3 => 0..6_usize];
    let words = vec(0..WORDS.len(), 1..4);
    let gap = prop_oneof![6 => Just(0_u32), 2 => Just(20_u32), 1 => Just(37_u32)];
    let changed = (0..8_u8, 0..8_u8);
    let target = prop::option::weighted(0.2, prop::sample::select(vec![1_u64, 2, 100, 200]));
    let marks = (target, prop::bool::weighted(0.1));
    let said = (place, 1..5_i64, words, gap, changed, marks);
    said.prop_map(
        |(place, author, words, gap, (gone, new), (target, pinned))| Said {
            channel: channel_id(place),
            author,
            words,
            gap,
            deleted: gone == 0,
            edited: new == 0,
            target,
            pinned,
        },
    )
}

fn world() -> impl Strategy<Value = World> {
    let roles = prop::array::uniform2(prop::array::uniform3(bits()));
    let member = prop::option::weighted(0.8, prop::array::uniform2(any::<bool>()));
    let members = prop::array::uniform2(prop::array::uniform4(member));
    let role = (Just(0_i16), 0..3_i64, bits(), bits());
    let account = (Just(1_i16), 1..5_i64, bits(), bits());
    let rules = prop::array::uniform6(vec(prop_oneof![role, account], 0..4));
    (roles, members, rules, vec(said(), 0..400), 0..400_usize).prop_map(
        |(mut roles, members, mut rules, said, early)| {
            for of_server in &mut roles {
                of_server[0] |= Permissions::VIEW_CHANNEL | Permissions::READ_HISTORY;
            }
            for rules in &mut rules {
                rules.sort_by_key(|(kind, target, ..)| (*kind, *target));
                rules.dedup_by_key(|(kind, target, ..)| (*kind, *target));
            }
            World {
                roles,
                members,
                rules,
                said,
                early,
            }
        },
    )
}

impl World {
    /// Whether an account may read the history of a channel: by the rules, as they are written.
    fn may_read(&self, account: i64, place: usize) -> bool {
        let server = place / 3;
        let Some(held) = self.members[server][usize::try_from(account).unwrap() - 1] else {
            return false;
        };
        let [everyone, roles @ ..] = self.roles[server];
        let mut may = everyone;
        for (role, held) in roles.into_iter().zip(held) {
            may |= if held { role } else { Permissions::empty() };
        }
        // Account 4 owns both servers.
        if account == 4 || may.contains(Permissions::ADMINISTRATOR) {
            return true;
        }
        let holds = |rule: &&Rule| held[usize::try_from(rule.1).unwrap() - 1];
        let rules = &self.rules[place];
        let ranks: [Vec<&Rule>; 3] = [
            rules
                .iter()
                .filter(|rule| rule.0 == 0 && rule.1 == 0)
                .collect(),
            rules
                .iter()
                .filter(|rule| rule.0 == 0 && rule.1 > 0)
                .filter(holds)
                .collect(),
            rules
                .iter()
                .filter(|rule| rule.0 == 1 && rule.1 == account)
                .collect(),
        ];
        for rank in ranks {
            let deny = rank
                .iter()
                .fold(Permissions::empty(), |sum, rule| sum | rule.3);
            let allow = rank
                .iter()
                .fold(Permissions::empty(), |sum, rule| sum | rule.2);
            may = (may - deny) | allow;
        }
        may.contains(Permissions::VIEW_CHANNEL | Permissions::READ_HISTORY)
    }

    /// The messages, with the ids that they get: seconds or years apart.
    fn messages(&self) -> Vec<(u64, &Said, String)> {
        let mut last = 10_000_u64;
        let said = self.said.iter().map(|said| {
            last += 1 << said.gap;
            let words = said.words.iter().map(|at| WORDS[*at]);
            let text = words.collect::<Vec<_>>().join(" ");
            let text = if said.edited {
                format!("{text} beta")
            } else {
                text
            };
            (last, said, text)
        });
        said.collect()
    }

    async fn put(&self, pool: &postgres::Pool, options: &PgConnectOptions) {
        let mut sql = "TRUNCATE servers, channels, roles, members, overrides, messages,
                       search_blocks, search_pending, mentions, pins CASCADE;"
            .to_owned();
        for (server, at) in SERVERS.into_iter().zip(0..) {
            write!(
                sql,
                "INSERT INTO servers (id, name, owner) VALUES ({server}, 's', 4);"
            )
            .unwrap();
            let names = [server, server + ROLES[0], server + ROLES[1]];
            let roles: &[Permissions; 3] = &self.roles[at];
            for (role, may) in names.into_iter().zip(roles) {
                let may = may.sql();
                write!(
                    sql,
                    "INSERT INTO roles (server, id, name, permissions) VALUES ({server}, {role}, 'r', {may});"
                ).unwrap();
            }
            for (held, account) in self.members[at].iter().zip(1..) {
                let Some(held) = held else { continue };
                let held: Vec<String> = ROLES
                    .iter()
                    .zip(held)
                    .filter(|(_, held)| **held)
                    .map(|(role, _)| (server + role).to_string())
                    .collect();
                let held = held.join(",");
                write!(
                    sql,
                    "INSERT INTO members (server, account, roles) VALUES ({server}, {account}, '{{{held}}}');"
                ).unwrap();
            }
        }
        for (place, rules) in self.rules.iter().enumerate() {
            let (channel, server) = (channel_id(place), SERVERS[place / 3]);
            write!(
                sql,
                "INSERT INTO channels (id, server, name, position) VALUES ({channel}, {server}, 'c', 0);"
            ).unwrap();
            for (kind, target, allow, deny) in rules {
                let target = if *kind == 0 { server + target } else { *target };
                let (allow, deny) = (allow.sql(), deny.sql());
                write!(
                    sql,
                    "INSERT INTO overrides VALUES ({channel}, {kind}, {target}, {allow}, {deny});"
                )
                .unwrap();
            }
        }
        postgres::execute(pool, &sql).await;
        let messages = self.messages();
        let (early, late) = messages.split_at(self.early.min(messages.len()));
        say(pool, early, false).await;
        let mut index = Index::connect(options).await.unwrap();
        index_all(&mut index).await;
        change(pool, early).await;
        // Every other world is searched before its changes are indexed.
        if self.early.is_multiple_of(2) {
            index_all(&mut index).await;
        }
        say(pool, late, true).await;
        index.close().await;
    }

    /// What a naive reader finds, newest first.
    fn find(&self, account: i64, scope: i64, filter: &SearchFilter) -> Vec<u64> {
        let fits = |(id, said, text): &&(u64, &Said, String)| {
            let place = usize::try_from(said.channel - 1_000).unwrap();
            let sent = MessageId::new(*id).unwrap().created_ms();
            let one_of =
                |ids: Vec<u64>, it: i64| ids.is_empty() || ids.contains(&it.cast_unsigned());
            !said.deleted
                && (scope == 0 || SERVERS[place / 3] == scope)
                && self.may_read(account, place)
                && one_of(filter.from.iter().map(|it| it.get()).collect(), said.author)
                && one_of(
                    filter.channels.iter().map(|it| it.get()).collect(),
                    said.channel,
                )
                && filter.before.is_none_or(|before| sent < before)
                && filter.after.is_none_or(|after| sent >= after)
                && (filter.mentions.is_empty()
                    || filter
                        .mentions
                        .iter()
                        .any(|it| Some(it.get()) == said.target))
                && (!filter.pinned || said.pinned)
                && filter.fits(text)
        };
        let messages = self.messages();
        let mut found: Vec<u64> = messages.iter().filter(fits).map(|(id, ..)| *id).collect();
        found.reverse();
        found
    }
}

/// Stores messages; as they are in the end, or as they were before they were changed.
async fn say(pool: &postgres::Pool, messages: &[(u64, &Said, String)], in_the_end: bool) {
    let mut sql = String::new();
    for (id, said, text) in messages {
        let (channel, author) = (said.channel, said.author);
        let deleted = in_the_end && said.deleted;
        let before = text
            .strip_suffix(" beta")
            .filter(|_| said.edited && !in_the_end);
        let text = if deleted { "" } else { before.unwrap_or(text) };
        write!(
            sql,
            "UPDATE channels SET last_seq = last_seq + 1, last_message_id = {id} WHERE id = {channel};
             INSERT INTO messages (channel, seq, id, author, content, deleted)
             SELECT {channel}, last_seq, {id}, {author}, '{text}', {deleted} FROM channels WHERE id = {channel};
             INSERT INTO search_pending (channel, message)
             SELECT id, {id} FROM channels WHERE id = {channel} AND last_seq % 64 = 0;"
        ).unwrap();
        sql.push_str(&said.marks(*id));
    }
    postgres::execute(pool, &sql).await;
}

/// Edits and deletes, as lanes do.
async fn change(pool: &postgres::Pool, messages: &[(u64, &Said, String)]) {
    let mut sql = String::new();
    for (id, said, text) in messages
        .iter()
        .filter(|(_, said, _)| said.deleted || said.edited)
    {
        let (channel, deleted) = (said.channel, said.deleted);
        let text = if deleted { "" } else { text };
        write!(
            sql,
            "UPDATE messages SET content = '{text}', deleted = {deleted} WHERE channel = {channel} AND id = {id};
             INSERT INTO search_pending (channel, message) VALUES ({channel}, {id});"
        ).unwrap();
    }
    postgres::execute(pool, &sql).await;
}

async fn index_all(index: &mut Index) {
    loop {
        let slice = index.index_slice().await.unwrap();
        if slice.notes == 0 {
            return;
        }
    }
}

/// All pages of a search.
async fn search_all(
    store: &Store,
    (account, scope): (i64, i64),
    mut request: SearchMessages,
    budget: Duration,
) -> Result<Vec<u64>, Error> {
    let mut all = Vec::new();
    for _ in 0..2_000 {
        let mut snapshot = store.snapshot().await.unwrap();
        let user = id(account.cast_unsigned());
        let asked = (user, scope.cast_unsigned());
        let found = search(&mut snapshot, asked, request.clone(), budget).await;
        snapshot.end().await;
        let FoundMessages { messages, next } = found?;
        all.extend(messages.iter().map(|it| it.message.message_id.get()));
        let Some(next) = next else { return Ok(all) };
        assert!(
            request.before.is_none_or(|before| next < before),
            "it gets on"
        );
        request.before = Some(next);
    }
    panic!("it does not end");
}

fn asked() -> impl Strategy<Value = (i64, i64, SearchFilter, u32, bool)> {
    let words = vec(prop::sample::select(QUERIES.as_slice()), 0..3);
    let from = vec(1..5_u64, 0..3);
    let channels = vec(0..6_usize, 0..3);
    let times = (
        prop::option::weighted(0.3, 0..50_u64),
        prop::option::weighted(0.3, 0..50_u64),
    );
    let targets = vec(prop::sample::select(vec![1_u64, 2, 100, 300]), 0..2);
    let marks = (targets, prop::bool::weighted(0.2));
    let filter = (words, from, channels, 0..5_u8, times, marks).prop_map(
        |(words, from, channels, link, (before, after), (mentions, pinned))| {
            let hour = |hours: u64| shared::ids::EPOCH_MS + hours * 9_000_000;
            SearchFilter {
                words: words.into_iter().map(str::to_owned).collect(),
                from: from.into_iter().map(id).collect(),
                channels: channels
                    .into_iter()
                    .map(|place| id(channel_id(place).cast_unsigned()))
                    .collect(),
                has: if link == 0 {
                    vec![Has::Link]
                } else {
                    Vec::new()
                },
                before: before.map(hour),
                after: after.map(hour),
                mentions: mentions.into_iter().map(id).collect(),
                pinned,
            }
        },
    );
    let scope = prop::sample::select(vec![0, 100, 200]);
    let limit = prop::sample::select(vec![3_u32, 25, 200]);
    (1..5_i64, scope, filter, limit, any::<bool>())
}

#[test]
fn a_search_finds_what_a_naive_reader_finds_and_may_read() {
    let runtime = Runtime::new().unwrap();
    let (options, pool) = runtime.block_on(fixture::database_and_pool());
    let store = runtime.block_on(async { Store::new(options.clone(), 2) });
    let hits = Cell::new(0);
    proptest!(ProptestConfig::with_cases(32), |(world in world(), asked in vec(asked(), 1..12))| {
        runtime.block_on(async {
            world.put(&pool, &options).await;
            for (account, scope, filter, limit, patient) in asked {
                let budget = Duration::from_millis(if patient { 250 } else { 0 });
                let request = SearchMessages {
                    query: String::new(),
                    filter: Some(filter.clone()),
                    before: None,
                    limit: Some(limit),
                };
                let found = search_all(&store, (account, scope), request, budget).await;
                let Ok(filter) = filter.checked() else {
                    prop_assert_eq!(found.unwrap_err().refusal().reason, Reason::Invalid);
                    continue;
                };
                let at = usize::try_from(scope / 100).unwrap();
                let index = usize::try_from(account).unwrap() - 1;
                if scope != 0 && world.members[at - 1][index].is_none() {
                    prop_assert_eq!(found.unwrap_err().refusal().reason, Reason::UnknownServer);
                    continue;
                }
                let found = found.unwrap();
                hits.set(hits.get() + found.len());
                prop_assert_eq!(found, world.find(account, scope, &filter));
            }
            Ok(())
        })?;
    });
    assert!(hits.get() > 0, "nothing was ever found");
}
