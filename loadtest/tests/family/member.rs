//! Members: look at one, their roles and nicknames; remove, ban and silence them.

use std::time::Duration;

use anyhow::{Context, Result};
use loadtest::{
    client::log::Seen,
    harness::{Harness, Person, holds, refused, same},
    random::nonce,
    requests::{
        allow_member, ban, create_role, get_member, hide_channel, kick, leave_server, list_bans,
        list_users, mute, override_of, redeem_invite, remove_nickname, send_message, set_nickname,
        set_override, set_roles, time_out, unban, unmute,
    },
    transport::Transport,
};
use shared::{
    domain::{
        limits::MAX_BANNED_STRANGERS,
        permissions::{Override, Permissions, TargetKind},
    },
    error::Reason,
    ids::RoleId,
    protocol::{
        channel::{ChannelUpdated, GetChannels},
        member::{
            BanUser, ChannelMuted, ChannelUnmuted, GetMemberRoles, ListMembers, MemberTimedOut,
            NicknameChanged, RemoveNickname, SetNickname,
        },
        message::{MessageCreated, MessagesDeleted},
        server::{LeaveCause, MemberLeft, ServerLeft},
        user::Member,
    },
};

/// How long the deletion of what somebody said may take.
const PATIENCE: Duration = Duration::from_secs(10);

scenarios! {
    a_member_is_shown_over_every_door,
    members_are_listed_by_name_over_every_door,
    nicknames_are_changed_and_removed_over_every_door,
    a_nickname_has_something_to_see_and_up_to_32_characters,
    the_nickname_of_another_needs_the_permission_and_the_rank,
    roles_that_do_not_exist_are_given_to_nobody,
    a_kicked_member_is_out_at_once_and_may_come_back,
    a_banned_account_is_out_and_stays_out_until_it_is_unbanned,
    an_account_is_banned_before_it_comes,
    a_server_bans_so_many_strangers_and_no_more,
    a_ban_takes_what_was_said_with_it,
    a_ban_takes_nothing_with_it_where_its_moderator_deletes_nothing,
    who_moderates_is_above_whom_he_moderates,
    a_timed_out_member_only_looks_on,
    a_muted_member_only_looks_on_in_that_channel,
    a_silence_outlives_leaving,
    what_a_member_is_denied_outlives_leaving,
    durations_and_reasons_have_bounds,
}

/// How this person sees a member.
async fn sees_member(person: &Person, other: &Person) -> Result<Member> {
    let shown = person.call(&get_member(other.user.user_id)).await?;
    Ok(shown.member)
}

async fn a_member_is_shown_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let stranger = harness.guest("stranger", 0).await?;
    let listed = alice.call(&list_users()).await?.members;
    for mut way in alice.ways().await? {
        for member in &listed {
            let user_id = member.user.user_id;
            let shown = way.call(alice.scope(), &get_member(user_id)).await?;
            same(&shown.member, member)?;
            let roles = way.call(alice.scope(), &GetMemberRoles { user_id }).await?;
            same(&roles.roles, &member.roles)?;
        }
    }
    same(&sees_member(&alice, &bob).await?.joined_at.is_some(), &true)?;
    let get = get_member(stranger.user.user_id);
    bob.is_refused(bob.scope(), &get, Reason::UnknownTarget)
        .await
}

async fn members_are_listed_by_name_over_every_door(harness: &Harness) -> Result<()> {
    let people: [_; 3] = harness.members().await?;
    for (person, name) in people.iter().zip(["zoe", "Åsa", "Bea"]) {
        person.call(&set_nickname(name)).await?;
    }
    for mut way in people[2].ways().await? {
        let (mut listed, mut place) = (Vec::new(), None);
        loop {
            let list = ListMembers {
                place,
                limit: Some(2),
            };
            let page = way.call(people[2].scope(), &list).await?;
            listed.extend(page.members.into_iter().filter_map(|m| m.nickname));
            place = page.next;
            if place.is_none() {
                break;
            }
        }
        // By their bytes, whatever the case and the language.
        same(&listed, &["Bea", "zoe", "Åsa"].map(str::to_owned).to_vec())?;
    }
    Ok(())
}

async fn nicknames_are_changed_and_removed_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    for transport in Transport::ALL {
        let mut way = bob.through(transport).await?;
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let name = format!("Bobby {transport:?}");
        let set = set_nickname(&format!("  {name} "));
        way.call(bob.scope(), &set).await?;
        alice
            .sees_event(|changed: &NicknameChanged| changed.nickname.as_ref() == Some(&name))
            .await?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
        same(&sees_member(&alice, &bob).await?.nickname, &Some(name))?;

        let hers = alice.remembers().await?;
        way.call(bob.scope(), &remove_nickname()).await?;
        alice.agrees(hers).await?;
        same(&sees_member(&alice, &bob).await?.nickname, &None)?;
        // What is gone already is gone.
        way.call(bob.scope(), &remove_nickname()).await?;
    }
    Ok(())
}

async fn a_nickname_has_something_to_see_and_up_to_32_characters(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let long = "x".repeat(33);
    for name in [
        "",
        "  ",
        "\u{200b}",
        "two\nlines",
        "two\u{2028}lines",
        "ow\u{200d}ner",
        "z\u{335}\u{336}\u{337}\u{338}\u{489}",
        &long,
    ] {
        let set = set_nickname(name);
        alice
            .is_refused(alice.scope(), &set, Reason::Invalid)
            .await?;
    }
    for name in ["ü".repeat(32), "Alice 👩‍👩‍👧".to_owned()] {
        alice.call(&set_nickname(&name)).await?;
    }
    Ok(())
}

async fn the_nickname_of_another_needs_the_permission_and_the_rank(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let before = carol.remembers().await?;
    for other in [&alice, &carol] {
        let set = SetNickname {
            user_id: Some(other.user.user_id),
            ..set_nickname("Other")
        };
        bob.is_refused(bob.scope(), &set, Reason::Forbidden).await?;
        let remove = RemoveNickname {
            user_id: Some(other.user.user_id),
            ..remove_nickname()
        };
        bob.is_refused(bob.scope(), &remove, Reason::Forbidden)
            .await?;
    }
    carol.agrees(before).await?;
    let set = SetNickname {
        user_id: Some(carol.user.user_id),
        ..set_nickname("Caro")
    };
    alice.call(&set).await?;
    carol
        .sees_event(|changed: &NicknameChanged| changed.nickname.as_deref() == Some("Caro"))
        .await?;
    let stranger = harness.guest("stranger", 0).await?;
    let nobody = SetNickname {
        user_id: Some(stranger.user.user_id),
        ..set_nickname("Nobody")
    };
    refused(alice.call(&nobody).await, Reason::UnknownTarget)
}

async fn roles_that_do_not_exist_are_given_to_nobody(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let before = alice.remembers().await?;
    let everyone = RoleId::new(alice.scope());
    for role in [RoleId::new(77), everyone].into_iter().flatten() {
        let set = set_roles(bob.user.user_id, vec![role]);
        alice
            .is_refused(alice.scope(), &set, Reason::UnknownRole)
            .await?;
    }
    let many = (1..=101).filter_map(RoleId::new).collect();
    let set = set_roles(bob.user.user_id, many);
    alice
        .is_refused(alice.scope(), &set, Reason::LimitReached)
        .await?;
    alice.call(&set_roles(bob.user.user_id, Vec::new())).await?;
    alice.agrees(before).await
}

/// Fails unless this person heard why he is out, is told nothing more, and finds no server.
async fn is_out(bob: &Person, alice: &Person, cause: LeaveCause) -> Result<()> {
    bob.sees_event(|left: &ServerLeft| {
        left.server_id.get() == alice.scope() && left.cause == cause
    })
    .await?;
    alice.send("#general", "without him").await?;
    refused(
        bob.client.call(alice.scope(), &GetChannels {}).await,
        Reason::UnknownServer,
    )?;
    bob.creates_server("Own").await?;
    bob.send("#general", "marker").await?;
    bob.saw_none_before("marker", |created: &MessageCreated| {
        created.message.content == "without him"
    })
    .await
}

async fn a_kicked_member_is_out_at_once_and_may_come_back(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let [alice, bob] = harness.members().await?;
        let code = alice.invites().await?;
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let mut way = alice.through(transport).await?;
        way.call(alice.scope(), &kick(bob.user.user_id)).await?;
        // The reply that took the right came before this one asks.
        refused(
            bob.client.call(alice.scope(), &GetChannels {}).await,
            Reason::UnknownServer,
        )?;
        alice
            .sees_event(|left: &MemberLeft| left.user_id == bob.user.user_id)
            .await?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
        is_out(&bob, &alice, LeaveCause::Kicked).await?;
        alice
            .is_refused(
                alice.scope(),
                &kick(bob.user.user_id),
                Reason::UnknownTarget,
            )
            .await?;
        bob.joins(&code).await?;
        alice.send("#general", "back").await?;
        bob.sees("back").await?;
    }
    Ok(())
}

async fn a_banned_account_is_out_and_stays_out_until_it_is_unbanned(
    harness: &Harness,
) -> Result<()> {
    for transport in Transport::ALL {
        let [alice, bob, carol] = harness.members().await?;
        let code = alice.invites().await?;
        let (hers, his) = (carol.remembers().await?, bob.remembers().await?);
        let mut way = alice.through(transport).await?;
        let forever = BanUser {
            reason: " spam ".to_owned(),
            ..ban(bob.user.user_id)
        };
        way.call(alice.scope(), &forever).await?;
        refused(
            bob.client.call(0, &redeem_invite(&code)).await,
            Reason::Banned,
        )?;
        carol.agrees(hers).await?;
        bob.agrees(his).await?;
        is_out(&bob, &alice, LeaveCause::Banned).await?;
        bob.is_refused(0, &redeem_invite(&code), Reason::Banned)
            .await?;

        // Banned anew: only the last terms count.
        let for_a_day = BanUser {
            duration: Some(86_400),
            ..ban(bob.user.user_id)
        };
        way.call(alice.scope(), &for_a_day).await?;
        let listed = way.call(alice.scope(), &list_bans()).await?.bans;
        let [found] = listed.as_slice() else {
            anyhow::bail!("one is banned, not {listed:?}");
        };
        same(&found.user, &bob.user)?;
        same(&found.terms.banned_by, &Some(alice.user.user_id))?;
        same(&found.terms.reason, &String::new())?;
        let lasts = found.terms.until.map(|until| until - found.terms.banned_at);
        same(&lasts, &Some(86_400_000))?;

        way.call(alice.scope(), &unban(bob.user.user_id)).await?;
        let again = unban(bob.user.user_id);
        alice
            .is_refused(alice.scope(), &again, Reason::UnknownTarget)
            .await?;
        let listed = way.call(alice.scope(), &list_bans()).await?.bans;
        holds(listed.is_empty(), "nobody is banned any more")?;
        bob.joins(&code).await?;
    }
    Ok(())
}

async fn an_account_is_banned_before_it_comes(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let stranger = harness.guest("stranger", 1).await?;
    let before = alice.remembers().await?;
    alice.call(&ban(stranger.user.user_id)).await?;
    alice.agrees(before).await?;
    let code = alice.invites().await?;
    stranger
        .is_refused(0, &redeem_invite(&code), Reason::Banned)
        .await?;
    let Some(nobody) = shared::ids::UserId::new(77) else {
        anyhow::bail!("77 is an id");
    };
    // Whoever he is, and whether he exists, the ban does not say.
    alice.call(&ban(nobody)).await?;
    let listed = alice.call(&list_bans()).await?.bans;
    let shown: Vec<_> = listed.iter().map(|ban| &ban.user).collect();
    same(&shown.len(), &2)?;
    for user in shown {
        holds(user.name.is_empty(), "a stranger's name")?;
        holds(!user.guest, "what a stranger is")?;
    }
    alice.call(&unban(stranger.user.user_id)).await?;
    stranger.joins(&code).await?;
    stranger.call(&leave_server()).await?;
    // Who was here once is known, though he left before he was banned.
    alice.call(&ban(stranger.user.user_id)).await?;
    let listed = alice.call(&list_bans()).await?.bans;
    let known = listed.iter().any(|ban| ban.user == stranger.user);
    holds(known, "who was a member is shown")
}

async fn a_server_bans_so_many_strangers_and_no_more(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let server = alice.scope();
    let fill = format!(
        "INSERT INTO bans (server, account, reason, banned_by, banned_at)
             SELECT {server}, n, '', {}, 1 FROM generate_series(1, {}) n",
        alice.user.user_id.get(),
        MAX_BANNED_STRANGERS - 1,
    );
    harness
        .cluster
        .sql(async |client| client.batch_execute(&fill).await)
        .await?;
    let [one, another] = [0, 1].map(|gateway| harness.guest("stranger", gateway));
    let (one, another) = (one.await?.user.user_id, another.await?.user.user_id);
    alice.call(&ban(one)).await?;
    alice
        .is_refused(server, &ban(another), Reason::LimitReached)
        .await?;
    // Who is banned is banned otherwise, and who is a member is banned all the same.
    alice.call(&ban(one)).await?;
    alice.call(&ban(bob.user.user_id)).await?;
    alice.call(&unban(one)).await?;
    alice.call(&ban(another)).await?;
    Ok(())
}

async fn a_ban_takes_what_was_said_with_it(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    alice.creates_channel("#second", Vec::new()).await?;
    for channel in ["#general", "#second"] {
        alice.send(channel, "hers").await?;
        for number in 0..20 {
            bob.send(channel, &format!("his {number}")).await?;
        }
    }
    let before = carol.remembers().await?;
    let with_messages = BanUser {
        delete_hours: 1,
        ..ban(bob.user.user_id)
    };
    alice.call(&with_messages).await?;
    for channel in ["#general", "#second"] {
        let id = alice.channel(channel).await?;
        let told_of = |gone: &MessagesDeleted| {
            if gone.channel_id == id {
                gone.message_ids.len()
            } else {
                0
            }
        };
        let all_are_gone = |_: &Seen| {
            let log = carol.client.log().since(0);
            let gone = log.iter().filter_map(Seen::event);
            let count: usize = gone.map(|gone| told_of(&gone)).sum();
            (count == 20).then_some(())
        };
        let gone = carol.client.log().wait(0, PATIENCE, all_are_gone).await;
        holds(gone.is_some(), &format!("all of {channel} is deleted"))?;
        alice.send(channel, "after").await?;
        let said = alice.history(id).await?;
        let said: Vec<&str> = said
            .iter()
            .map(|message| message.content.as_str())
            .collect();
        same(&said, &vec!["hers", "after"])?;
    }
    carol.agrees(before).await
}

async fn a_ban_takes_nothing_with_it_where_its_moderator_deletes_nothing(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let moderates = Permissions::BAN_MEMBERS | Permissions::MANAGE_MESSAGES;
    let role = alice.call(&create_role("mod", moderates)).await?.role;
    alice
        .call(&set_roles(bob.user.user_id, vec![role.role_id]))
        .await?;
    let shown = allow_member(carol.user.user_id.get(), Permissions::VIEW_CHANNEL);
    let hidden = vec![hide_channel(alice.scope()), shown];
    alice.creates_channel("#boardroom", hidden).await?;
    let denied = override_of(
        TargetKind::Role,
        role.role_id.get(),
        Permissions::empty(),
        Permissions::MANAGE_MESSAGES,
    );
    alice.creates_channel("#records", vec![denied]).await?;
    for channel in ["#boardroom", "#records", "#general"] {
        carol.send(channel, "evidence").await?;
    }
    let said = carol.send("#general", "and more of it").await?;
    let before = alice.remembers().await?;
    let with_messages = BanUser {
        delete_hours: 168,
        ..ban(carol.user.user_id)
    };
    bob.call(&with_messages).await?;
    alice
        .sees_event(|gone: &MessagesDeleted| gone.message_ids.contains(&said.message_id))
        .await?;
    // Whoever is banned next waits until that round is over.
    let dave = harness.registered("dave", 0).await?;
    dave.joins(&alice.invites().await?).await?;
    let said = dave.send("#general", "more").await?;
    let next = BanUser {
        delete_hours: 1,
        ..ban(dave.user.user_id)
    };
    bob.call(&next).await?;
    alice
        .sees_event(|gone: &MessagesDeleted| gone.message_ids.contains(&said.message_id))
        .await?;
    for (channel, due) in [("#boardroom", 1), ("#records", 1), ("#general", 0)] {
        let id = alice.channel(channel).await?;
        same(&alice.history(id).await?.len(), &due).context(channel)?;
    }
    // The owner deletes everywhere.
    alice.call(&unban(carol.user.user_id)).await?;
    let everywhere = BanUser {
        nonce: nonce(),
        ..with_messages
    };
    alice.call(&everywhere).await?;
    for channel in ["#boardroom", "#records"] {
        let id = alice.channel(channel).await?;
        alice
            .sees_event(|gone: &MessagesDeleted| gone.channel_id == id)
            .await?;
    }
    alice.agrees(before).await
}

async fn who_moderates_is_above_whom_he_moderates(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let (scope, own) = (alice.scope(), alice.user.user_id);
    let general = alice.channel("#general").await?;
    let due = Reason::Forbidden;
    let before = alice.remembers().await?;
    alice.is_refused(scope, &kick(own), due).await?;
    alice.is_refused(scope, &ban(own), due).await?;
    alice.is_refused(scope, &time_out(own, 60), due).await?;
    alice
        .is_refused(scope, &mute(general, own, 60), due)
        .await?;
    bob.is_refused(scope, &kick(own), due).await?;
    bob.is_refused(scope, &mute(general, own, 60), due).await?;
    let stranger = harness.guest("stranger", 0).await?.user.user_id;
    let due = Reason::UnknownTarget;
    alice.is_refused(scope, &kick(stranger), due).await?;
    alice
        .is_refused(scope, &time_out(stranger, 60), due)
        .await?;
    alice
        .is_refused(scope, &mute(general, stranger, 60), due)
        .await?;
    alice.agrees(before).await
}

async fn a_timed_out_member_only_looks_on(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let general = alice.channel("#general").await?;
    for transport in Transport::ALL {
        let (hers, his) = (carol.remembers().await?, bob.remembers().await?);
        let mut way = alice.through(transport).await?;
        let silent = time_out(bob.user.user_id, 3_600);
        way.call(alice.scope(), &silent).await?;
        let message = send_message(general, "let me speak");
        bob.is_refused(bob.scope(), &message, Reason::Forbidden)
            .await?;
        refused(bob.call(&set_nickname("Loud")).await, Reason::Forbidden)?;
        carol
            .sees_event(|told: &MemberTimedOut| told.until.is_some())
            .await?;
        carol.agrees(hers).await?;
        bob.agrees(his).await?;
        alice
            .send("#general", &format!("heard {transport:?}"))
            .await?;
        bob.sees(&format!("heard {transport:?}")).await?;
        holds(!bob.history(general).await?.is_empty(), "he reads")?;

        let hers = carol.remembers().await?;
        let free = time_out(bob.user.user_id, 0);
        way.call(alice.scope(), &free).await?;
        bob.send("#general", "free").await?;
        carol.agrees(hers).await?;
    }
    Ok(())
}

async fn a_muted_member_only_looks_on_in_that_channel(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let general = alice.channel("#general").await?;
    alice.creates_channel("#other", Vec::new()).await?;
    for transport in Transport::ALL {
        let his = bob.remembers().await?;
        let mut way = alice.through(transport).await?;
        let muted = mute(general, bob.user.user_id, 3_600);
        way.call(alice.scope(), &muted).await?;
        let message = send_message(general, "let me speak");
        bob.is_refused(bob.scope(), &message, Reason::Forbidden)
            .await?;
        bob.send("#other", "here I may").await?;
        bob.sees_event(|told: &ChannelMuted| told.user_id == bob.user.user_id)
            .await?;
        bob.agrees(his).await?;
        // The mute is shown to him and to moderators, and to nobody else.
        let get = get_member(bob.user.user_id);
        for (who, shown) in [(&alice, 1), (&bob, 1), (&carol, 0)] {
            same(&who.call(&get).await?.mutes.len(), &shown)?;
        }
        let his = bob.remembers().await?;
        let unmuted = unmute(general, bob.user.user_id);
        way.call(alice.scope(), &unmuted).await?;
        bob.sees_event(|told: &ChannelUnmuted| told.channel_id == general)
            .await?;
        bob.send("#general", "free").await?;
        bob.agrees(his).await?;
    }
    carol.saw_none_before("free", |_: &ChannelMuted| true).await
}

async fn a_silence_outlives_leaving(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let code = alice.invites().await?;
    alice.call(&time_out(bob.user.user_id, 3_600)).await?;
    bob.call(&leave_server()).await?;
    let before = alice.remembers().await?;
    bob.joins(&code).await?;
    let general = alice.channel("#general").await?;
    let message = send_message(general, "a new life");
    bob.is_refused(bob.scope(), &message, Reason::Forbidden)
        .await?;
    alice.agrees(before).await
}

async fn what_a_member_is_denied_outlives_leaving(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let code = alice.invites().await?;
    let general = alice.channel("#general").await?;
    let his = override_of(
        TargetKind::Member,
        bob.user.user_id.get(),
        Permissions::PIN_MESSAGES,
        Permissions::SEND_MESSAGES,
    );
    let kept = Override {
        allow: Permissions::empty(),
        ..his.clone()
    };
    alice.call(&set_override(general, &his)).await?;
    let before = carol.remembers().await?;
    bob.call(&leave_server()).await?;
    carol
        .sees_event(|told: &ChannelUpdated| told.channel.overrides == [kept.clone()])
        .await?;
    bob.joins(&code).await?;
    let message = send_message(general, "a new life");
    bob.is_refused(bob.scope(), &message, Reason::Forbidden)
        .await?;
    carol.agrees(before).await
}

async fn durations_and_reasons_have_bounds(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let (scope, his) = (alice.scope(), bob.user.user_id);
    let general = alice.channel("#general").await?;
    let due = Reason::Invalid;
    let too_long = 28 * 86_400 + 1;
    alice
        .is_refused(scope, &time_out(his, too_long), due)
        .await?;
    for duration in [0, too_long] {
        let mute = mute(general, his, duration);
        alice.is_refused(scope, &mute, due).await?;
    }
    for (duration, delete_hours) in [(Some(0), 0), (Some(u32::MAX), 0), (None, 169)] {
        let ban = BanUser {
            duration,
            delete_hours,
            ..ban(his)
        };
        alice.is_refused(scope, &ban, due).await?;
    }
    let mut kick = kick(his);
    kick.reason = "x".repeat(513);
    alice.is_refused(scope, &kick, Reason::TooLarge).await
}
