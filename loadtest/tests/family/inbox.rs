//! The mention inbox, and how much is unread: what calls upon somebody, as far as he may read it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use loadtest::{
    client::CallError,
    harness::{Harness, Person, holds, same},
    random::{Random, seed},
    requests::{
        count_unreads, create_role, delete_messages, delete_role, deny_everyone, get_member,
        get_message, hide_channel, kick, list_mentions, mark_unread, redeem_invite, send_message,
        set_roles,
    },
};
use shared::{
    domain::permissions::Permissions,
    error::Reason,
    ids::{AnyId, ChannelId, Id, MessageId, RoleId},
    protocol::{
        message::Message,
        unread::{CountUnreads, ListMentions, MentioningMessage, ServerUnread},
    },
};

scenarios! {
    who_is_mentioned_finds_it_over_every_door,
    mentions_come_in_pages,
    what_may_not_be_read_is_in_no_inbox,
    mentions_from_before_one_joined_are_read,
    the_inbox_is_what_opening_each_message_finds,
}

/// The whole inbox of somebody, read in pages of `limit`.
async fn read_all(person: &Person, limit: u32) -> Result<Vec<MentioningMessage>> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let request = ListMentions {
            before,
            limit: Some(limit),
        };
        let page = person.client.call(0, &request).await?;
        holds(page.mentions.len() <= limit as usize, "no page is larger")?;
        all.extend(page.mentions);
        match page.next {
            None => return Ok(all),
            next => {
                holds(before.is_none() || next < before, "it gets on")?;
                before = next;
            }
        }
    }
}

fn ids(mentions: &[MentioningMessage]) -> Vec<MessageId> {
    mentions.iter().map(|it| it.message.message_id).collect()
}

/// What is unread at home.
async fn counts(person: &Person) -> Result<(u32, u64, u32)> {
    let counts = person.client.call(0, &count_unreads()).await?.servers;
    let home = counts.iter().find(|it| Some(it.server_id) == person.home());
    Ok(home.map_or((0, 0, 0), |it| (it.channels, it.messages, it.mentions)))
}

async fn who_is_mentioned_finds_it_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let guide = create_role("guide", Permissions::empty());
    let guide = alice.call(&guide).await?.role.role_id;
    alice
        .call(&set_roles(bob.user.user_id, vec![guide]))
        .await?;
    alice.send("#general", "nobody").await?;
    bob.reads("#general").await?;
    let mut due = Vec::new();
    for text in [
        format!("<@{}> look", bob.user.user_id),
        format!("<@&{guide}> look"),
        "@everyone look".to_owned(),
        format!("@everyone, <@&{guide}>, <@{}>", bob.user.user_id),
    ] {
        alice.send("#general", "nobody").await?;
        due.insert(0, alice.send("#general", &text).await?);
    }
    let due_ids: Vec<MessageId> = due.iter().map(|sent| sent.message_id).collect();
    let [last, everyone, _, first] = *due_ids.as_slice() else {
        bail!("four were sent");
    };
    for mut way in bob.ways().await? {
        let found = way.call(0, &list_mentions()).await?;
        same(&ids(&found.mentions), &due_ids)?;
        same(&found.next, &None)?;
        for it in &found.mentions {
            same(&(Some(it.server_id), it.channel_id), &(bob.home(), general))?;
            let get = get_message(general, it.message.message_id);
            same(&it.message, &way.call(bob.scope(), &get).await?)?;
            holds(!it.read, "not read yet")?;
        }
        let counts = way.call(0, &count_unreads()).await?;
        let home = ServerUnread {
            server_id: bob.home().context("at home")?,
            channels: 1,
            messages: 8,
            mentions: 4,
        };
        same(&counts.servers, &vec![home])?;
        same(&(counts.more_mentions, counts.next), &(false, None))?;
    }
    // Another device reads up to the second one, and marks it as unread again.
    let version = bob.reads_to(general, 5).await?.version;
    same(&counts(&bob).await?, &(1, 4, 2))?;
    let read: Vec<bool> = read_all(&bob, 9).await?.iter().map(|it| it.read).collect();
    same(&read, &vec![false, false, true, true])?;
    let mark = mark_unread(general, 4, version);
    bob.client.call(0, &mark).await?;
    same(&counts(&bob).await?, &(1, 5, 3))?;
    // The role does not mean him any more; then there is none.
    alice.call(&set_roles(bob.user.user_id, Vec::new())).await?;
    let without = vec![last, everyone, first];
    same(&ids(&read_all(&bob, 9).await?), &without)?;
    alice
        .call(&set_roles(bob.user.user_id, vec![guide]))
        .await?;
    same(&ids(&read_all(&bob, 9).await?), &due_ids)?;
    alice.call(&delete_role(guide)).await?;
    same(&ids(&read_all(&bob, 9).await?), &without)?;
    // What is deleted, edited or alone calls nobody.
    alice.deletes(general, last).await?;
    alice
        .call(&delete_messages(general, vec![everyone]))
        .await?;
    alice.edits(general, first, "nobody").await?;
    same(&read_all(&bob, 9).await?, &Vec::new())?;
    same(&counts(&bob).await?, &(1, 5, 0))?;
    harness.cluster.operate(&["admin", "verify-unread"]).await
}

async fn mentions_come_in_pages(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let mut due = Vec::new();
    for number in 0..7 {
        let text = format!("<@{}> and @everyone {number}", bob.user.user_id);
        due.insert(0, alice.send("#general", &text).await?.message_id);
    }
    for limit in [1, 2, 6, 7, 8, 200] {
        same(&ids(&read_all(&bob, limit).await?), &due)?;
    }
    let asks = |limit| ListMentions {
        limit: Some(limit),
        ..list_mentions()
    };
    for limit in [0, 201] {
        bob.is_refused(0, &asks(limit), Reason::Invalid).await?;
    }
    for limit in [0, 21] {
        let limit = Some(limit);
        let count = CountUnreads { after: None, limit };
        bob.is_refused(0, &count, Reason::Invalid).await?;
    }
    // Servers come in pages, too.
    let mut servers = vec![bob.home().context("at home")?];
    for name in ["One", "Two"] {
        servers.push(alice.creates_server(name).await?);
        bob.joins(&alice.invites().await?).await?;
        alice.send("#general", "@everyone").await?;
    }
    servers.sort_unstable();
    let (mut counted, mut after) = (Vec::new(), None);
    loop {
        let limit = Some(1);
        let page = bob.client.call(0, &CountUnreads { after, limit }).await?;
        counted.extend(page.servers.iter().map(|it| it.server_id));
        after = page.next;
        if after.is_none() {
            return same(&counted, &servers);
        }
    }
}

async fn what_may_not_be_read_is_in_no_inbox(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let name = format!("<@{}>", bob.user.user_id);
    let hidden = vec![hide_channel(alice.scope())];
    let secret = alice.creates_channel("#secret", hidden).await?;
    let unread = vec![deny_everyone(alice.scope(), Permissions::READ_HISTORY)];
    let silent = alice.creates_channel("#silent", unread).await?;
    let general = alice.send("#general", &name).await?.message_id;
    alice.send("#silent", &name).await?;
    // Who does not see it is not mentioned there; he was when he saw it.
    alice.overrides(secret, Vec::new()).await?;
    alice.send("#secret", &name).await?;
    same(&read_all(&bob, 9).await?.len(), &2)?;
    alice
        .overrides(secret, vec![hide_channel(alice.scope())])
        .await?;
    same(&ids(&read_all(&bob, 9).await?), &vec![general])?;
    same(&counts(&bob).await?.2, &1)?;
    // Nor does the end of a page tell that something is behind it.
    let first = ListMentions {
        limit: Some(1),
        ..list_mentions()
    };
    let page = bob.client.call(0, &first).await?;
    same(&(ids(&page.mentions), page.next), &(vec![general], None))?;
    alice.overrides(silent, Vec::new()).await?;
    same(&read_all(&bob, 9).await?.len(), &2)?;
    let code = alice.invites().await?;
    alice.call(&kick(bob.user.user_id)).await?;
    same(&read_all(&bob, 9).await?, &Vec::new())?;
    same(
        &bob.client.call(0, &count_unreads()).await?.servers,
        &Vec::new(),
    )?;
    bob.client.call(0, &redeem_invite(&code)).await?;
    same(&read_all(&bob, 9).await?.len(), &2)
}

async fn mentions_from_before_one_joined_are_read(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    alice.send("#general", "@everyone early").await?;
    let bob = harness.guest("bob", 1).await?;
    bob.joins(&alice.invites().await?).await?;
    alice.send("#general", "@everyone late").await?;
    let read: Vec<bool> = read_all(&bob, 9).await?.iter().map(|it| it.read).collect();
    same(&read, &vec![false, true])?;
    // He has no cursor there, so nothing else counts.
    same(&counts(&bob).await?, &(0, 0, 1))
}

/// Everything that was ever said, and how one gets back in.
struct World {
    channels: [ChannelId; 3],
    role: RoleId,
    code: String,
    said: Vec<(ChannelId, MessageId)>,
}

impl World {
    /// Whom a text calls upon.
    fn text(&self, owner: &Person, others: &[Person], random: &mut Random) -> String {
        let person = random.pick(others).map_or(owner, |person| person);
        let named = [
            "nobody".to_owned(),
            "@everyone".to_owned(),
            format!("<@&{}>", self.role),
            format!("<@{}>", person.user.user_id),
            format!("<@{}> of <@&{}>", person.user.user_id, self.role),
        ];
        random.pick(&named).cloned().unwrap_or_default()
    }

    /// The owner, or one of the others, does one thing at random.
    async fn act(&mut self, owner: &Person, others: &[Person], random: &mut Random) -> Result<()> {
        let channel = *random.pick(&self.channels).context("channels")?;
        let other = random.pick(others).context("others")?;
        let member = other.user.user_id;
        match random.below(16) {
            0..6 => {
                let text = self.text(owner, others, random);
                let sent = owner.call(&send_message(channel, text)).await?;
                self.said.push((channel, sent.message_id));
            }
            6 => {
                if let Some((channel, message)) = random.pick(&self.said).copied() {
                    let text = self.text(owner, others, random);
                    done(owner.edits(channel, message, &text).await)?;
                }
            }
            7 => {
                if let Some((channel, message)) = random.pick(&self.said).copied() {
                    done(owner.deletes(channel, message).await)?;
                }
            }
            8 => {
                let of_channel = self.said.iter().filter(|(of, _)| *of == channel);
                let some: Vec<MessageId> = of_channel.map(|(_, id)| *id).take(2).collect();
                if !some.is_empty() {
                    owner.call(&delete_messages(channel, some)).await?;
                }
            }
            9 => {
                let roles = [Vec::new(), vec![self.role]];
                let roles = random.pick(&roles).cloned().unwrap_or_default();
                done(owner.call(&set_roles(member, roles)).await)?;
            }
            10 | 11 => {
                let kinds = [
                    Vec::new(),
                    vec![hide_channel(owner.scope())],
                    vec![deny_everyone(owner.scope(), Permissions::READ_HISTORY)],
                ];
                let overrides = random.pick(&kinds).cloned().unwrap_or_default();
                owner.overrides(channel, overrides).await?;
            }
            12 => done(owner.call(&kick(member)).await)?,
            13 => {
                let redeem = redeem_invite(&self.code);
                done(other.client.call(0, &redeem).await.map(drop))?;
            }
            _ => {
                let count = self.said.iter().filter(|(of, _)| *of == channel).count();
                other
                    .reads_to(channel, random.below(count as u64 + 1))
                    .await?;
            }
        }
        Ok(())
    }

    /// The inbox of somebody, by opening every message there ever was.
    async fn open_each(&self, person: &Person) -> Result<Vec<(Message, bool)>> {
        let get = get_member(person.user.user_id);
        let Ok(shown) = person.call(&get).await else {
            return Ok(Vec::new());
        };
        let own: AnyId = person.user.user_id.cast();
        let everyone = Id::new(person.scope()).context("at home")?;
        let roles = shown.member.roles.iter().map(|role| role.cast());
        let means: Vec<AnyId> = roles.chain([own, everyone]).collect();
        let unreads = person.unreads(None).await?.unreads.into_iter();
        let cursors: BTreeMap<ChannelId, u64> = unreads
            .map(|it| (it.cursor.channel_id, it.cursor.seq))
            .collect();
        let joined = shown.member.joined_at.unwrap_or(0);
        let mut opened = Vec::new();
        for (channel, message) in self.said.iter().rev() {
            let Ok(message) = person.call(&get_message(*channel, *message)).await else {
                continue;
            };
            if message.mentions.iter().any(|id| means.contains(id)) {
                let read = cursors.get(channel).is_some_and(|at| *at >= message.seq)
                    || message.message_id.created_ms() < joined;
                opened.push((message, read));
            }
        }
        Ok(opened)
    }
}

/// What cannot be done any more, as something else was done before, is no failure.
fn done<T>(result: Result<T, CallError>) -> Result<()> {
    match result {
        Ok(_) | Err(CallError::Refused(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn the_inbox_is_what_opening_each_message_finds(harness: &Harness) -> Result<()> {
    let [alice, bob, carol, dave] = harness.members().await?;
    let role = create_role("guide", Permissions::empty());
    let mut world = World {
        channels: [
            alice.channel("#general").await?,
            alice.creates_channel("#plans", Vec::new()).await?,
            alice.creates_channel("#news", Vec::new()).await?,
        ],
        role: alice.call(&role).await?.role.role_id,
        code: alice.invites().await?,
        said: Vec::new(),
    };
    let others = [bob, carol, dave];
    let seed = seed();
    let mut random = Random::new(seed);
    for round in 0..60 {
        let acted = world.act(&alice, &others, &mut random).await;
        acted.with_context(|| format!("seed {seed}, round {round}"))?;
        if round % 6 != 5 {
            continue;
        }
        for person in &others {
            let due = world.open_each(person).await?;
            let limit = u32::try_from(random.below(5))? + 1;
            let found = read_all(person, limit).await?;
            let unread = found.iter().filter(|it| !it.read).count();
            let found: Vec<(Message, bool)> =
                found.into_iter().map(|it| (it.message, it.read)).collect();
            same(&found, &due).with_context(|| format!("seed {seed}, round {round}"))?;
            let unreads = person.unreads(None).await?.unreads;
            let behind = unreads.iter().filter(|it| it.unread > 0);
            let messages: u64 = unreads.iter().map(|it| it.unread).sum();
            let due = (
                u32::try_from(behind.count())?,
                messages,
                u32::try_from(unread)?,
            );
            same(&counts(person).await?, &due)
                .with_context(|| format!("seed {seed}, round {round}"))?;
        }
    }
    harness.cluster.operate(&["admin", "verify-unread"]).await
}
