//! Roles: make, change, order and delete them, take those that are for everyone, and the rank
//! that all of it keeps to.

use anyhow::Result;
use loadtest::{
    client::CallError,
    harness::{Harness, Person, holds, refused, same},
    random::nonce,
    requests::{
        allow_member, clear_override, create_role, delete_role, deny_everyone, hide_channel,
        leave_role, move_role, mute, override_of, reorder_roles, set_override, set_roles,
        take_role, time_out, unmute, update_role,
    },
    transport::Transport,
};
use shared::{
    domain::{
        limits::MAX_ROLES,
        permissions::{Cause, Permissions, Step, TargetKind},
    },
    error::Reason,
    ids::RoleId,
    protocol::{
        channel::ChannelUpdated,
        member::MemberRolesChanged,
        message::MessageCreated,
        role::{
            CreateRole, ExplainPermissions, GetRolePermissions, ListRoles, ListSelfRoles, Role,
            RoleCreated, RoleDeleted, RoleUpdated, RolesReordered, SetRolePermissions,
        },
    },
};

scenarios! {
    a_role_is_made_changed_ordered_and_deleted_over_every_door,
    a_role_that_is_for_everyone_is_taken_and_left_over_every_door,
    a_role_that_is_for_everyone_never_moderates,
    the_role_of_everyone_stays_where_it_is,
    without_rank_nobody_manages_roles,
    a_server_has_so_many_roles_and_no_more,
    a_role_shows_a_channel_and_its_end_hides_it,
    a_role_that_does_not_exist_is_unknown,
    what_a_role_looks_like_is_checked,
    one_override_is_set_and_cleared_over_every_door,
    an_override_is_for_whom_one_ranks_above,
    a_self_assignable_role_gets_no_moderating_override,
    nobody_opens_or_takes_a_role_that_shows_what_he_does_not_see,
    a_decision_is_explained_over_every_door,
    what_others_may_is_explained_to_who_manages_roles,
    silences_are_steps_of_a_decision,
}

async fn make(owner: &Person, name: &str, permissions: Permissions) -> Result<RoleId> {
    let made = owner.call(&create_role(name, permissions)).await?;
    Ok(made.role.role_id)
}

/// A role that everyone may take.
async fn make_free(owner: &Person, name: &str) -> Result<RoleId> {
    let free = CreateRole {
        self_assignable: true,
        ..create_role(name, Permissions::empty())
    };
    Ok(owner.call(&free).await?.role.role_id)
}

/// Lets everyone manage roles, from below all of them; answers everyone's role.
async fn let_everyone_manage_roles(owner: &Person) -> Result<RoleId> {
    let everyone = RoleId::try_from(owner.scope().cast_signed())?;
    let mut all = update_role(everyone);
    all.permissions = Some(Permissions::EVERYONE | Permissions::MANAGE_ROLES);
    owner.call(&all).await?;
    Ok(everyone)
}

async fn roles(person: &Person) -> Result<Vec<Role>> {
    Ok(person.call(&ListRoles {}).await?.roles)
}

async fn order(person: &Person) -> Result<Vec<RoleId>> {
    let roles = roles(person).await?;
    let dense = (0..)
        .zip(&roles)
        .all(|(place, role)| role.position == place);
    holds(dense, &format!("positions are places: {roles:?}"))?;
    Ok(roles.iter().map(|role| role.role_id).collect())
}

async fn a_role_is_made_changed_ordered_and_deleted_over_every_door(
    harness: &Harness,
) -> Result<()> {
    for transport in Transport::ALL {
        let [alice, bob] = harness.members().await?;
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let mut way = alice.through(transport).await?;
        let new = CreateRole {
            colour: Some(0x94_00_D3),
            hoist: true,
            mentionable: true,
            category: Some("  staff ".to_owned()),
            ..create_role("moderator", Permissions::MANAGE_MESSAGES)
        };
        let made = way.call(alice.scope(), &new).await?.role;
        same(&made.category, &Some("staff".to_owned()))?;
        same(&(made.position, made.colour), &(1, Some(0x94_00_D3)))?;
        bob.sees_event(|event: &RoleCreated| event.role == made)
            .await?;
        let second = create_role("second", Permissions::empty());
        let second = way.call(alice.scope(), &second).await?;
        let everyone = RoleId::try_from(alice.scope().cast_signed())?;
        same(
            &second.order,
            &vec![everyone, second.role.role_id, made.role_id],
        )?;

        let mut change = update_role(made.role_id);
        change.name = Some("guide".to_owned());
        change.colour = Some(0);
        change.hoist = Some(false);
        change.category = Some(String::new());
        let changed = way.call(alice.scope(), &change).await?.role;
        same(&(changed.colour, &changed.category), &(None, &None))?;
        same(
            &(changed.name.as_str(), changed.mentionable),
            &("guide", true),
        )?;
        bob.sees_event(|event: &RoleUpdated| event.role == changed)
            .await?;
        let permissions = Permissions::KICK_MEMBERS | Permissions::PIN_MESSAGES;
        let set = SetRolePermissions {
            nonce: nonce(),
            role_id: made.role_id,
            permissions,
        };
        way.call(alice.scope(), &set).await?;
        let mut his_way = bob.through(transport).await?;
        let get = GetRolePermissions {
            role_id: made.role_id,
        };
        let got = his_way.call(bob.scope(), &get).await?;
        same(&got.permissions, &permissions)?;

        let up = move_role(second.role.role_id, 2);
        way.call(alice.scope(), &up).await?;
        let moved = vec![everyone, made.role_id, second.role.role_id];
        bob.sees_event(|event: &RolesReordered| event.order == moved)
            .await?;
        let whole = reorder_roles(second.order.clone());
        way.call(alice.scope(), &whole).await?;
        let listed = his_way.call(bob.scope(), &ListRoles {}).await?.roles;
        let listed: Vec<_> = listed.iter().map(|role| role.role_id).collect();
        same(&listed, &second.order)?;

        way.call(alice.scope(), &delete_role(second.role.role_id))
            .await?;
        bob.sees_event(|event: &RoleDeleted| event.role_id == second.role.role_id)
            .await?;
        same(&order(&bob).await?, &vec![everyone, made.role_id])?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
    }
    Ok(())
}

async fn a_role_that_is_for_everyone_is_taken_and_left_over_every_door(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let free = make_free(&alice, "gardeners").await?;
    let closed = make(&alice, "closed", Permissions::empty()).await?;
    for transport in Transport::ALL {
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let mut way = bob.through(transport).await?;
        let taken = way.call(bob.scope(), &take_role(free)).await?;
        same(&taken.roles, &vec![free])?;
        let told = alice
            .sees_event(|event: &MemberRolesChanged| event.roles == [free])
            .await?;
        same(&told.user_id, &bob.user.user_id)?;
        // Once is enough.
        way.call(bob.scope(), &take_role(free)).await?;
        let listed = way.call(bob.scope(), &ListSelfRoles {}).await?;
        same(&listed.held, &vec![free])?;
        same(&listed.roles.len(), &1)?;
        let closed = way.call(bob.scope(), &take_role(closed)).await;
        refused(closed.map(drop), Reason::Forbidden)?;
        let left = way.call(bob.scope(), &leave_role(free)).await?;
        same(&left.roles, &Vec::new())?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
    }
    bob.is_refused(bob.scope(), &leave_role(closed), Reason::Forbidden)
        .await
}

async fn a_role_that_is_for_everyone_never_moderates(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let moderating = CreateRole {
        self_assignable: true,
        ..create_role("help yourself", Permissions::BAN_MEMBERS)
    };
    refused(alice.call(&moderating).await, Reason::Invalid)?;
    let free = make_free(&alice, "gardeners").await?;
    // Neither later, nor the other way round.
    let mut later = update_role(free);
    later.permissions = Some(Permissions::EVERYONE | Permissions::MANAGE_ROLES);
    refused(alice.call(&later).await, Reason::Invalid)?;
    let judge = make(&alice, "judge", Permissions::BAN_MEMBERS).await?;
    let mut opened = update_role(judge);
    opened.self_assignable = Some(true);
    refused(alice.call(&opened).await, Reason::Invalid)?;
    // Nor where a channel gives it more.
    let helper = make(&alice, "helper", Permissions::empty()).await?;
    let more = override_of(
        TargetKind::Role,
        helper.get(),
        Permissions::MANAGE_MESSAGES,
        Permissions::empty(),
    );
    alice.creates_channel("#help", vec![more]).await?;
    let mut opened = update_role(helper);
    opened.self_assignable = Some(true);
    refused(alice.call(&opened).await, Reason::Invalid)
}

async fn the_role_of_everyone_stays_where_it_is(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let his = bob.remembers().await?;
    let other = make(&alice, "other", Permissions::empty()).await?;
    let everyone = RoleId::try_from(alice.scope().cast_signed())?;
    refused(alice.call(&delete_role(everyone)).await, Reason::Invalid)?;
    let mut renamed = update_role(everyone);
    renamed.name = Some("nobody".to_owned());
    refused(alice.call(&renamed).await, Reason::Invalid)?;
    refused(alice.call(&move_role(everyone, 1)).await, Reason::Invalid)?;
    refused(alice.call(&move_role(other, 0)).await, Reason::Invalid)?;
    let turned = reorder_roles(vec![other, everyone]);
    refused(alice.call(&turned).await, Reason::Invalid)?;
    let mut quiet = update_role(everyone);
    quiet.permissions = Some(Permissions::EVERYONE - Permissions::SEND_MESSAGES);
    alice.call(&quiet).await?;
    holds(
        bob.send("#general", "hello").await.is_err(),
        "what everyone may, nobody else is asked for",
    )?;
    bob.agrees(his).await
}

async fn without_rank_nobody_manages_roles(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let other = make(&alice, "other", Permissions::empty()).await?;
    let everyone = let_everyone_manage_roles(&alice).await?;
    let before = alice.remembers().await?;
    let scope = bob.scope();
    let due = Reason::Forbidden;
    let mine = create_role("mine", Permissions::empty());
    bob.is_refused(scope, &mine, due).await?;
    bob.is_refused(scope, &update_role(other), due).await?;
    bob.is_refused(scope, &update_role(everyone), due).await?;
    bob.is_refused(scope, &delete_role(other), due).await?;
    make(&alice, "third", Permissions::empty()).await?;
    bob.is_refused(scope, &move_role(other, 1), due).await?;
    // A role that everyone may take gives no rank either.
    let free = make_free(&alice, "gardeners").await?;
    bob.call(&take_role(free)).await?;
    bob.is_refused(scope, &create_role("mine", Permissions::empty()), due)
        .await?;
    alice.agrees(before).await
}

async fn a_server_has_so_many_roles_and_no_more(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    for number in 0..MAX_ROLES {
        make(&alice, &format!("role {number}"), Permissions::empty()).await?;
    }
    let more = create_role("one more", Permissions::empty());
    alice
        .is_refused(alice.scope(), &more, Reason::LimitReached)
        .await?;
    same(&order(&alice).await?.len(), &(MAX_ROLES + 1))
}

async fn a_role_shows_a_channel_and_its_end_hides_it(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let free = make_free(&alice, "gardeners").await?;
    let overrides = vec![
        override_of(
            TargetKind::Role,
            alice.scope(),
            Permissions::empty(),
            Permissions::VIEW_CHANNEL,
        ),
        override_of(
            TargetKind::Role,
            free.get(),
            Permissions::EVERYONE,
            Permissions::empty(),
        ),
    ];
    let garden = alice.creates_channel("#garden", overrides).await?;
    bob.call(&take_role(free)).await?;
    alice.send("#garden", "for gardeners").await?;
    bob.sees("for gardeners").await?;
    let hers = alice.remembers().await?;
    alice.call(&delete_role(free)).await?;
    alice.send("#garden", "alone").await?;
    alice.send("#general", "for all").await?;
    for other in [&bob, &carol] {
        other
            .saw_none_before("for all", |event: &MessageCreated| {
                event.message.content == "alone"
            })
            .await?;
    }
    let channels = bob.channels().await?;
    holds(
        channels.iter().all(|channel| channel.channel_id != garden),
        "who held the role sees its channel no more",
    )?;
    // The overrides for it went with it.
    alice.agrees(hers).await?;
    // What he still names counts for nothing.
    let other = make_free(&alice, "others").await?;
    let taken = bob.call(&take_role(other)).await?;
    same(&taken.roles, &vec![other])
}

async fn a_role_that_does_not_exist_is_unknown(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let [mallory] = harness.members().await?;
    let hers = make_free(&alice, "hers").await?;
    let (scope, due) = (mallory.scope(), Reason::UnknownRole);
    mallory.is_refused(scope, &update_role(hers), due).await?;
    mallory.is_refused(scope, &delete_role(hers), due).await?;
    mallory.is_refused(scope, &move_role(hers, 1), due).await?;
    mallory.is_refused(scope, &take_role(hers), due).await?;
    mallory.is_refused(scope, &leave_role(hers), due).await?;
    let get = GetRolePermissions { role_id: hers };
    mallory.is_refused(scope, &get, due).await
}

async fn what_a_role_looks_like_is_checked(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let before = alice.remembers().await?;
    let nameless = create_role(" ", Permissions::empty());
    let mut gaudy = create_role("gaudy", Permissions::empty());
    gaudy.colour = Some(0x100_0000);
    let mut wordy = create_role("wordy", Permissions::empty());
    wordy.category = Some("w".repeat(101));
    for wrong in [nameless, gaudy, wordy] {
        match alice.call(&wrong).await {
            Err(CallError::Refused(refusal)) => holds(
                matches!(refusal.reason, Reason::Invalid | Reason::TooLarge),
                &format!("{refusal:?}"),
            )?,
            other => anyhow::bail!("{other:?}"),
        }
    }
    alice.agrees(before).await
}

async fn one_override_is_set_and_cleared_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let quiet = deny_everyone(alice.scope(), Permissions::SEND_MESSAGES);
    alice.call(&set_override(general, &quiet)).await?;
    // What other chats call voice.
    let voice = allow_member(bob.user.user_id.get(), Permissions::SEND_MESSAGES);
    for transport in Transport::ALL {
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let mut way = alice.through(transport).await?;
        way.call(alice.scope(), &set_override(general, &voice))
            .await?;
        bob.sees_event(|event: &ChannelUpdated| {
            event.channel.overrides == [quiet.clone(), voice.clone()]
        })
        .await?;
        bob.send("#general", "with a voice").await?;
        way.call(alice.scope(), &clear_override(general, &voice))
            .await?;
        holds(
            bob.send("#general", "without").await.is_err(),
            "what was given is taken back",
        )?;
        // What is not there is cleared already.
        way.call(alice.scope(), &clear_override(general, &voice))
            .await?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
    }
    let nobody = allow_member(77, Permissions::SEND_MESSAGES);
    alice
        .is_refused(
            alice.scope(),
            &set_override(general, &nobody),
            Reason::UnknownTarget,
        )
        .await
}

async fn an_override_is_for_whom_one_ranks_above(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let other = make(&alice, "other", Permissions::empty()).await?;
    let_everyone_manage_roles(&alice).await?;
    let before = alice.remembers().await?;
    let send = Permissions::SEND_MESSAGES;
    let role = override_of(TargetKind::Role, other.get(), send, Permissions::empty());
    for given in [
        role,
        deny_everyone(alice.scope(), send),
        allow_member(alice.user.user_id.get(), send),
        allow_member(carol.user.user_id.get(), send),
        allow_member(bob.user.user_id.get(), send),
    ] {
        bob.is_refused(
            bob.scope(),
            &set_override(general, &given),
            Reason::Forbidden,
        )
        .await?;
    }
    alice.agrees(before).await
}

async fn a_self_assignable_role_gets_no_moderating_override(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let free = make_free(&alice, "gardeners").await?;
    let over = |allow| override_of(TargetKind::Role, free.get(), allow, Permissions::empty());
    let more = over(Permissions::MANAGE_MESSAGES);
    refused(
        alice.call(&set_override(general, &more)).await,
        Reason::Invalid,
    )?;
    let safe = over(Permissions::SEND_MESSAGES);
    Ok(alice.call(&set_override(general, &safe)).await?)
}

async fn nobody_opens_or_takes_a_role_that_shows_what_he_does_not_see(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let secret = alice
        .creates_channel("#secret", vec![hide_channel(alice.scope())])
        .await?;
    let key = make(&alice, "key", Permissions::empty()).await?;
    let manager = make(&alice, "manager", Permissions::MANAGE_ROLES).await?;
    let view = Permissions::VIEW_CHANNEL;
    let shows = override_of(TargetKind::Role, key.get(), view, Permissions::empty());
    alice.call(&set_override(secret, &shows)).await?;
    let mut above = order(&alice).await?;
    above.retain(|role| *role != manager);
    above.push(manager);
    alice.call(&reorder_roles(above)).await?;
    alice
        .call(&set_roles(bob.user.user_id, vec![manager]))
        .await?;
    let before = alice.remembers().await?;
    let mut open = update_role(key);
    open.self_assignable = Some(true);
    bob.is_refused(bob.scope(), &open, Reason::Forbidden)
        .await?;
    let both = set_roles(bob.user.user_id, vec![manager, key]);
    bob.is_refused(bob.scope(), &both, Reason::Forbidden)
        .await?;
    alice.agrees(before).await?;
    alice.call(&both).await?;
    Ok(())
}

/// The step that decided about a permission.
fn last(steps: &[Step], permission: Permissions) -> Option<&Step> {
    let names = |step: &&Step| (step.allow | step.deny).contains(permission);
    steps.iter().rev().find(names)
}

async fn a_decision_is_explained_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let quiet = deny_everyone(alice.scope(), Permissions::SEND_MESSAGES);
    alice.call(&set_override(general, &quiet)).await?;
    let explain = ExplainPermissions {
        channel_id: Some(general),
        user_id: None,
    };
    for mut way in bob.ways().await? {
        let explained = way.call(bob.scope(), &explain).await?;
        let sends = Permissions::SEND_MESSAGES;
        holds(!explained.permissions.contains(sends), "he may not send")?;
        let step = last(&explained.steps, sends).map(|step| (step.cause, step.role_id));
        let everyone = RoleId::try_from(alice.scope().cast_signed())?;
        same(&step, &Some((Cause::RoleOverride, Some(everyone))))?;
        let seen = last(&explained.steps, Permissions::VIEW_CHANNEL);
        same(&seen.map(|step| step.cause), &Some(Cause::Role))?;
        let in_server = ExplainPermissions {
            channel_id: None,
            user_id: None,
        };
        let explained = way.call(bob.scope(), &in_server).await?;
        same(&explained.permissions, &Permissions::EVERYONE)?;
    }
    let explained = alice.call(&explain).await?;
    same(&explained.permissions, &Permissions::all())?;
    let step = explained.steps.first().map(|step| step.cause);
    same(&step, &Some(Cause::Owner))
}

async fn what_others_may_is_explained_to_who_manages_roles(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let stranger = harness.guest("stranger", 1).await?;
    let about = |user_id, channel_id| ExplainPermissions {
        channel_id,
        user_id: Some(user_id),
    };
    let overrides = vec![hide_channel(alice.scope())];
    let secret = alice.creates_channel("#secret", overrides).await?;
    let his = about(bob.user.user_id, Some(secret));
    let explained = alice.call(&his).await?;
    same(&explained.permissions, &Permissions::empty())?;
    let step = explained.steps.last().map(|step| step.cause);
    same(&step, &Some(Cause::Hidden))?;
    // What is hidden does not exist, for oneself either.
    bob.is_refused(bob.scope(), &his, Reason::UnknownChannel)
        .await?;
    let hers = about(alice.user.user_id, None);
    bob.is_refused(bob.scope(), &hers, Reason::Forbidden)
        .await?;
    let nobody = about(stranger.user.user_id, None);
    alice
        .is_refused(alice.scope(), &nobody, Reason::UnknownTarget)
        .await
}

async fn silences_are_steps_of_a_decision(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let plans = alice.creates_channel("#plans", Vec::new()).await?;
    let sends = Permissions::SEND_MESSAGES;
    let explains = async |channel_id, cause: Option<Cause>| {
        let own = ExplainPermissions {
            channel_id,
            user_id: None,
        };
        let his = ExplainPermissions {
            user_id: Some(bob.user.user_id),
            ..own.clone()
        };
        for explained in [bob.call(&own).await?, alice.call(&his).await?] {
            let decided = last(&explained.steps, sends).map(|step| step.cause);
            same(&decided, &Some(cause.unwrap_or(Cause::Role)))?;
            let held = explained.permissions;
            same(&held.contains(sends), &cause.is_none())?;
            holds(held.contains(Permissions::READ_HISTORY), "he looks on")?;
        }
        anyhow::Ok(())
    };
    let member = bob.user.user_id;
    alice.call(&mute(general, member, 600)).await?;
    explains(Some(general), Some(Cause::Mute)).await?;
    explains(Some(plans), None).await?;
    explains(None, None).await?;
    alice.call(&unmute(general, member)).await?;
    alice.call(&time_out(member, 600)).await?;
    explains(Some(plans), Some(Cause::Timeout)).await?;
    explains(None, Some(Cause::Timeout)).await?;
    alice.call(&time_out(member, 0)).await?;
    explains(Some(general), None).await
}
