//! Who is told, by a push that his browser opens: once, and of nothing else.

use std::time::Duration;

use anyhow::{Context as _, Result};
use loadtest::{
    harness::{Person, eventually, holds, same},
    push_service::{Answer, Browser, Push},
    requests::{
        create_role, deny_everyone, edit_message, join_as_guest, mark_unread, redeem_invite,
        send_message, set_keywords, set_level, set_roles, set_status, subscribe_push,
    },
    transport::{Transport, TransportClient},
};
use serde::Deserialize;
use shared::{
    domain::{notification::NotificationLevel, permissions::Permissions},
    ids::{AnyId, Id, MessageId},
    protocol::{
        message::NewMessage,
        notification::{NotificationState, SetNotificationLevel, SetNotifications},
        presence::{SetStatus, StatusKind},
    },
};

use super::explained;
use crate::push::{IS_SOON, Stage, pushed_with};

/// How long it may take until it is known what became of a message.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a push says.
#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Told {
    reason: String,
    message_id: String,
    text: Option<String>,
    author: Option<String>,
}

fn shown_as(status: StatusKind) -> SetStatus {
    SetStatus {
        status,
        ..set_status()
    }
}

fn read(push: &Push) -> Result<Told> {
    serde_json::from_slice(&push.body)
        .with_context(|| String::from_utf8_lossy(&push.body).into_owned())
}

/// Plays on a cluster whose people have a second to read what they are told of.
async fn told(play: impl AsyncFnOnce(Stage<'_>) -> Result<()>) -> Result<()> {
    pushed_with(vec![("CONFAB_PUSH_GRACE_S", "1".to_owned())], play).await
}

/// Somebody with a browser, and how many pushes it got that were looked at.
struct Listener<'a> {
    stage: &'a Stage<'a>,
    person: &'a Person,
    browser: Browser,
    heard: Vec<MessageId>,
}

impl<'a> Listener<'a> {
    async fn new(stage: &'a Stage<'a>, person: &'a Person) -> Result<Self> {
        let (browser, _) = stage.subscribes(person).await?;
        Ok(Self {
            stage,
            person,
            browser,
            heard: Vec::new(),
        })
    }

    /// The next push, which has to be about this message.
    async fn hears(&mut self, message: MessageId, reason: &str) -> Result<Told> {
        let seen = self.heard.len();
        let pushes = self.stage.service.wait_for(&self.browser, seen + 1).await?;
        let told = read(pushes.get(seen).context("it is there")?)?;
        self.heard.push(message);
        same(&told.message_id, &message.to_string())
            .and_then(|()| same(&told.reason.as_str(), &reason))
            .with_context(|| format!("{told:?}"))?;
        Ok(told)
    }

    /// Fails if anything else was planned for him than what he heard of.
    async fn heard_all(&self) -> Result<()> {
        let planned = "SELECT message FROM notifications WHERE account = $1 ORDER BY message";
        let account = self.person.user.user_id.sql();
        let rows = self
            .stage
            .harness
            .cluster
            .sql(async |client| client.query(planned, &[&account]).await);
        let planned: Vec<i64> = rows.await?.iter().map(|row| row.get(0)).collect();
        let heard: Vec<i64> = self.heard.iter().map(|message| message.sql()).collect();
        same(&planned, &heard)
    }

    fn mention(&self) -> String {
        format!("<@{}>", self.person.user.user_id)
    }

    /// What became of a message for him, once that was planned.
    async fn learns(&self, message: MessageId) -> Result<NotificationState> {
        let general = self.person.channel("#general").await?;
        eventually(PATIENCE, async || {
            let state = explained(self.person, (general, message)).await?.state;
            Ok(state.context("it is not planned"))
        })
        .await
    }

    /// Waits until it is known what became of a message for him.
    async fn ends(&self, message: MessageId, state: Option<NotificationState>) -> Result<()> {
        let general = self.person.channel("#general").await?;
        eventually(PATIENCE, async || {
            Ok(same(
                &explained(self.person, (general, message)).await?.state,
                &state,
            ))
        })
        .await
        .with_context(|| format!("{message} is to end as {state:?}"))
    }
}

#[tokio::test]
async fn each_reason_is_told_once_and_nothing_else() -> Result<()> {
    told(async |stage| {
        let [alice, bob] = stage.harness.members().await?;
        let general = alice.channel("#general").await?;
        let mut bob_hears = Listener::new(&stage, &bob).await?;
        let say = async |text: &str| {
            Ok::<_, anyhow::Error>(alice.send("#general", text).await?.message_id)
        };

        let other = alice.creates_channel("#other", Vec::new()).await?;
        say("good morning").await?;
        let mention = say(&format!("{}: ||who|| did it", bob_hears.mention())).await?;
        let told = bob_hears.hears(mention, "mention").await?;
        let shown = told.text.context("a text")?;
        holds(
            shown.ends_with(": ▒▒▒ did it") && shown.starts_with('@'),
            &shown,
        )?;

        let asked = bob.send("#general", "who was it?").await?.message_id;
        let reply = NewMessage {
            reply_to: Some(asked),
            ..send_message(general, "the butler")
        };
        let reply = alice.call(&reply).await?.message_id;
        bob_hears.hears(reply, "reply").await?;

        let role = alice
            .call(&create_role("crew", Permissions::empty()))
            .await?
            .role
            .role_id;
        alice.call(&set_roles(bob.user.user_id, vec![role])).await?;
        bob_hears
            .hears(say(&format!("<@&{role}> hi")).await?, "role")
            .await?;

        bob.client.call(0, &set_keywords(&["the butler"])).await?;
        say("a butler").await?;
        bob_hears
            .hears(say("It was The Butler!").await?, "keyword")
            .await?;

        bob_hears
            .hears(say("@everyone hi").await?, "everyone")
            .await?;
        let home: Option<AnyId> = Id::new(bob.scope());
        let deaf = SetNotificationLevel {
            no_everyone: true,
            ..set_level(home, None, 0)
        };
        let deaf = bob.client.call(0, &deaf).await?;
        say("@everyone again").await?;
        // What is planned is planned in order.
        bob_hears
            .hears(say(&bob_hears.mention()).await?, "mention")
            .await?;

        let all = SetNotificationLevel {
            level: Some(NotificationLevel::All),
            ..set_level(home, None, deaf.version)
        };
        bob.client.call(0, &all).await?;
        bob_hears.hears(say("whatever").await?, "all").await?;
        bob.client
            .call(
                0,
                &set_level(Some(general.cast()), Some(NotificationLevel::Nothing), 0),
            )
            .await?;
        say(&bob_hears.mention()).await?;
        // What is planned is planned in order.
        let elsewhere = send_message(other, bob_hears.mention());
        let elsewhere = alice.call(&elsewhere).await?.message_id;
        bob_hears.hears(elsewhere, "mention").await?;
        bob_hears.heard_all().await?;
        let pushes = stage.in_the_end(&bob_hears.browser).await?.0;
        same(&pushes.len(), &bob_hears.heard.len())
    })
    .await
}

#[tokio::test]
async fn what_is_read_or_gone_in_time_is_not_told() -> Result<()> {
    // Nobody's time is over until it is said to be.
    pushed_with(
        vec![("CONFAB_PUSH_GRACE_S", "600".to_owned())],
        async |stage| {
            let [alice, bob, carol] = stage.harness.members().await?;
            let general = alice.channel("#general").await?;
            let bob_hears = Listener::new(&stage, &bob).await?;
            let carol_hears = Listener::new(&stage, &carol).await?;
            // Once whoever plans has heard that they are there, they have time.
            for listener in [&bob_hears, &carol_hears] {
                eventually(PATIENCE, async || {
                    let message = alice
                        .send("#general", &listener.mention())
                        .await?
                        .message_id;
                    let state = listener.learns(message).await?;
                    Ok(same(&state, &NotificationState::Waiting))
                })
                .await?;
            }
            let say = async || {
                let both = format!("{} {}", bob_hears.mention(), carol_hears.mention());
                let message = alice.send("#general", &both).await?.message_id;
                // Who is told of it was decided for both of them at once.
                carol_hears
                    .ends(message, Some(NotificationState::Waiting))
                    .await?;
                Ok::<_, anyhow::Error>(message)
            };
            let [read, deleted, muted] = [say().await?, say().await?, say().await?];
            bob.client.call(0, &shown_as(StatusKind::Dnd)).await?;
            let disturbing = say().await?;
            bob.client.call(0, &shown_as(StatusKind::Online)).await?;
            let told = say().await?;

            bob.reads("#general").await?;
            let due = "UPDATE notifications SET due = now() WHERE message = $1";
            let end = async |message: MessageId| {
                let message = message.sql();
                let due = stage
                    .harness
                    .cluster
                    .sql(async |client| client.execute(due, &[&message]).await);
                same(&due.await?, &2)
            };
            end(read).await?;
            bob_hears.ends(read, Some(NotificationState::Read)).await?;
            let unread = mark_unread(
                general,
                0,
                bob.unread("#general")
                    .await?
                    .context("read")?
                    .cursor
                    .version,
            );
            bob.client.call(0, &unread).await?;

            alice.deletes(general, deleted).await?;
            end(deleted).await?;
            let level = set_level(None, Some(NotificationLevel::Nothing), 0);
            let level = bob.client.call(0, &level).await?;
            end(muted).await?;
            bob_hears
                .ends(muted, Some(NotificationState::Withdrawn))
                .await?;
            bob.client
                .call(0, &set_level(None, None, level.version))
                .await?;

            bob_hears.ends(disturbing, None).await?;
            end(told).await?;
            bob_hears.ends(told, Some(NotificationState::Told)).await?;
            let pushes = stage.in_the_end(&bob_hears.browser).await?.0;
            let heard = pushes.iter().map(|push| Ok(self::read(push)?.message_id));
            let heard = heard.collect::<Result<Vec<_>>>()?;
            let not = [read, deleted, muted, disturbing].map(|message| message.to_string());
            let none = !heard.iter().any(|message| not.contains(message));
            holds(none, &format!("{heard:?}"))?;
            same(&heard.last(), &Some(&told.to_string()))
        },
    )
    .await
}

#[tokio::test]
async fn who_is_not_there_is_told_at_once_and_in_private_without_content() -> Result<()> {
    pushed_with(
        vec![("CONFAB_PUSH_GRACE_S", "600".to_owned())],
        async |stage| {
            let [alice] = stage.harness.members().await?;
            let code = alice.invites().await?;
            // By requests alone he is nowhere.
            let bob = stage.harness.client(0).call(0, &join_as_guest()).await?;
            let address = stage.harness.address(0)?;
            let mut way =
                TransportClient::open(Transport::Http, &address, Some(&bob.token)).await?;
            way.call(0, &redeem_invite(&code)).await?;
            let browser = stage.service.subscribe(&stage.key)?;
            way.call(0, &subscribe_push(&browser)).await?;
            let private = SetNotifications {
                private: true,
                ..set_keywords(&[])
            };
            way.call(0, &private).await?;
            let sent = alice
                .send("#general", &format!("<@{}> psst", bob.user.user_id))
                .await?;
            let pushes = stage.service.wait_for(&browser, 1).await?;
            let told = read(pushes.first().context("it is there")?)?;
            same(&told.message_id, &sent.message_id.to_string())?;
            same(&(told.text, told.author), &(None, None))
        },
    )
    .await
}

#[tokio::test]
async fn nobody_is_told_of_what_he_may_not_read() -> Result<()> {
    told(async |stage| {
        let [alice, bob] = stage.harness.members().await?;
        let mut bob_hears = Listener::new(&stage, &bob).await?;
        bob.client
            .call(
                0,
                &set_level(Id::new(bob.scope()), Some(NotificationLevel::All), 0),
            )
            .await?;
        bob.client.call(0, &set_keywords(&["psst"])).await?;
        let hidden = deny_everyone(alice.scope(), Permissions::VIEW_CHANNEL);
        let secret = alice.creates_channel("#secret", vec![hidden]).await?;
        let text = format!("psst {} @everyone", bob_hears.mention());
        alice.call(&send_message(secret, &text)).await?;
        let heard = alice.send("#general", "hello").await?.message_id;
        bob_hears.hears(heard, "all").await?;
        same(&stage.in_the_end(&bob_hears.browser).await?.0.len(), &1)
    })
    .await
}

#[tokio::test]
async fn a_call_of_thousands_reaches_the_last_of_them() -> Result<()> {
    told(async |stage| {
        let [alice, bob] = stage.harness.members().await?;
        let mut bob_hears = Listener::new(&stage, &bob).await?;
        // Their accounts are of no interest here: they have no devices.
        let crowd = "INSERT INTO members (server, account, since) SELECT $1, id, 1 FROM generate_series(1, 2500) AS a (id)";
        let server = i64::try_from(alice.scope())?;
        let crowd = stage.harness.cluster.sql(async |client| client.execute(crowd, &[&server]).await);
        same(&crowd.await?, &2_500)?;
        let sent = alice.send("#general", "@everyone: dinner").await?.message_id;
        bob_hears.hears(sent, "everyone").await?;
        same(&stage.in_the_end(&bob_hears.browser).await?.0.len(), &1)
    })
    .await
}

#[tokio::test]
async fn whatever_is_killed_each_is_told() -> Result<()> {
    told(async |stage| {
        let [alice, bob] = stage.harness.members().await?;
        let bob_hears = Listener::new(&stage, &bob).await?;
        let mut sent = Vec::new();
        for round in 0..3 {
            let text = format!("{} {round}", bob_hears.mention());
            sent.push(alice.send("#general", &text).await?.message_id.to_string());
            for worker in &stage.harness.cluster.workers {
                worker.restart()?;
            }
            let last = sent.last().cloned();
            eventually(PATIENCE * 2, async || {
                let (pushes, _) = stage.service.pushes_of(&bob_hears.browser);
                let told = pushes.last().map(read).transpose()?;
                Ok(same(&told.map(|told| told.message_id), &last))
            })
            .await?;
        }
        // A worker that died behind the answer of the service told it once more: the browser shows one.
        let (pushes, _) = stage.service.pushes_of(&bob_hears.browser);
        let mut told = pushes
            .iter()
            .map(|push| Ok(read(push)?.message_id))
            .collect::<Result<Vec<_>>>()?;
        told.dedup();
        same(&told, &sent)?;
        let states = "SELECT count(*), min(state), max(state) FROM notifications";
        let row = stage
            .harness
            .cluster
            .sql(async |client| client.query_one(states, &[]).await)
            .await?;
        same(
            &(
                row.get::<_, i64>(0),
                row.get::<_, i16>(1),
                row.get::<_, i16>(2),
            ),
            &(3, 1, 1),
        )
    })
    .await
}

/// Waits until a push is there that waits, as its service could not take it, or one before it.
async fn is_postponed(stage: &Stage<'_>) -> Result<()> {
    stage.has_pushes(1, &format!("NOT {IS_SOON}")).await
}

/// Lets a minute pass for what waits.
async fn a_minute_passes(stage: &Stage<'_>) -> Result<()> {
    let later = "UPDATE pushes SET made = made - interval '1 minute', due = now()";
    let passed = stage
        .harness
        .cluster
        .sql(async |client| client.execute(later, &[]).await);
    same(&passed.await?, &1)
}

#[tokio::test]
async fn what_is_told_late_is_what_is_so_by_then() -> Result<()> {
    told(async |stage| {
        let [alice, bob] = stage.harness.members().await?;
        let general = alice.channel("#general").await?;
        let mut bob_hears = Listener::new(&stage, &bob).await?;
        let browser = bob_hears.browser.clone();
        let later = Answer {
            retry_after: Some(600),
            ..Answer::status(503)
        };
        stage.service.will_answer(&browser, [later]);
        let mention = bob_hears.mention();
        let say = async |text: &str| {
            let text = format!("{mention} {text}");
            alice.send("#general", &text).await
        };
        let requests = || stage.service.pushes_of(&browser).1;
        // Deleted: its text stands nowhere any more, and nothing is sent.
        let deleted = say("a secret").await?.message_id;
        is_postponed(&stage).await?;
        alice.deletes(general, deleted).await?;
        stage.is_done().await?;
        // Read.
        say("lunch?").await?;
        is_postponed(&stage).await?;
        bob.reads("#general").await?;
        a_minute_passes(&stage).await?;
        stage.is_done().await?;
        same(&requests(), &1)?;
        // Corrected.
        let corrected = say("diner?").await?.message_id;
        is_postponed(&stage).await?;
        let text = format!("{mention} dinner?");
        alice.call(&edit_message(general, corrected, &text)).await?;
        a_minute_passes(&stage).await?;
        let told = bob_hears.hears(corrected, "mention").await?;
        holds(
            told.text.is_some_and(|text| text.ends_with("dinner?")),
            "what it says now",
        )?;
        same(&requests(), &2)?;
        // What took its place is deleted.
        stage.service.will_answer(&browser, [later]);
        let first = say("supper?").await?.message_id;
        is_postponed(&stage).await?;
        let second = say("at nine?").await?.message_id;
        stage.has_pushes(1, &format!("message = {second}")).await?;
        alice.deletes(general, second).await?;
        stage.has_pushes(1, &format!("message = {first}")).await?;
        a_minute_passes(&stage).await?;
        let told = bob_hears.hears(first, "mention").await?;
        holds(
            told.text.is_some_and(|text| text.ends_with("supper?")),
            "and not the other",
        )?;
        same(&requests(), &4)
    })
    .await
}
