//! Moderators among each other: who stands higher moderates those below, and nobody else.

use anyhow::Result;
use loadtest::{
    harness::{Harness, Person, refused, same},
    random::nonce,
    requests::{
        ban, clear_override, create_role, delete_role, get_modlog, kick, move_role, mute,
        override_of, send_message, set_override, set_overrides, set_roles, time_out, unban, unmute,
    },
};
use shared::{
    domain::{
        audit::Action,
        permissions::{Permissions, TargetKind},
    },
    error::Reason,
    ids::RoleId,
    protocol::{member::RemoveMemberRoles, moderation::GetModlog},
};

scenarios! {
    moderators_moderate_those_below_them_over_every_door,
    another_order_of_roles_is_another_rank_from_its_reply_on,
    moderators_of_one_rank_leave_each_other_alone,
    an_override_gives_nothing_that_its_giver_lacks_in_that_channel,
    nobody_sheds_a_role_that_takes_something_from_him,
}

const MODERATES: Permissions = Permissions::KICK_MEMBERS
    .union(Permissions::BAN_MEMBERS)
    .union(Permissions::TIMEOUT_MEMBERS);

/// Alice, who owns the server; bob, who is senior; carol, who is junior; and dave, who is none.
async fn company(harness: &Harness) -> Result<([Person; 4], [RoleId; 2])> {
    let people = harness.members().await?;
    let [alice, bob, carol, _dave] = &people;
    let mut roles = Vec::new();
    for name in ["junior", "senior"] {
        roles.push(
            alice
                .call(&create_role(name, MODERATES))
                .await?
                .role
                .role_id,
        );
    }
    let [junior, senior] = roles[..] else {
        anyhow::bail!("two roles were made");
    };
    alice.call(&move_role(senior, 2)).await?;
    for (person, role) in [(bob, senior), (carol, junior)] {
        alice
            .call(&set_roles(person.user.user_id, vec![role]))
            .await?;
    }
    Ok((people, [junior, senior]))
}

/// Whatever a moderator does to somebody above or beside him is refused.
async fn is_out_of_reach(moderator: &Person, of: &Person) -> Result<()> {
    let (scope, user) = (moderator.scope(), of.user.user_id);
    let general = moderator.channel("#general").await?;
    let due = Reason::Forbidden;
    moderator
        .is_refused(scope, &time_out(user, 60), due)
        .await?;
    moderator
        .is_refused(scope, &mute(general, user, 60), due)
        .await?;
    moderator.is_refused(scope, &kick(user), due).await?;
    moderator.is_refused(scope, &ban(user), due).await
}

async fn moderators_moderate_those_below_them_over_every_door(harness: &Harness) -> Result<()> {
    let ([alice, bob, carol, dave], _) = company(harness).await?;
    let before = [alice.remembers().await?, dave.remembers().await?];
    is_out_of_reach(&carol, &bob).await?;
    for moderator in [&bob, &carol] {
        is_out_of_reach(moderator, &alice).await?;
        is_out_of_reach(moderator, moderator).await?;
    }
    let general = bob.channel("#general").await?;
    for (moderator, below) in [(&bob, &carol), (&carol, &dave)] {
        let user = below.user.user_id;
        for mut way in moderator.ways().await? {
            way.call(moderator.scope(), &time_out(user, 60)).await?;
            let said = below.call(&send_message(general, "still here?")).await;
            refused(said, Reason::Forbidden)?;
            way.call(moderator.scope(), &time_out(user, 0)).await?;
            way.call(moderator.scope(), &mute(general, user, 60))
                .await?;
            way.call(moderator.scope(), &unmute(general, user)).await?;
        }
    }
    let [hers, his] = before;
    alice.agrees(hers).await?;
    dave.agrees(his).await?;
    // A refusal leaves no entry; each silence and its end does.
    let log = GetModlog {
        action: Some(Action::MemberTimeout),
        ..get_modlog()
    };
    let ways = alice.ways().await?.len();
    same(&alice.call(&log).await?.entries.len(), &(2 * 2 * ways))?;
    carol.call(&kick(dave.user.user_id)).await?;
    bob.call(&ban(carol.user.user_id)).await?;
    bob.call(&unban(carol.user.user_id)).await?;
    Ok(())
}

async fn another_order_of_roles_is_another_rank_from_its_reply_on(harness: &Harness) -> Result<()> {
    let ([alice, bob, carol, _dave], [junior, _senior]) = company(harness).await?;
    is_out_of_reach(&carol, &bob).await?;
    alice.call(&move_role(junior, 2)).await?;
    is_out_of_reach(&bob, &carol).await?;
    carol.call(&time_out(bob.user.user_id, 60)).await?;
    // Who is silenced moderates nobody.
    is_out_of_reach(&bob, &carol).await?;
    carol.call(&kick(bob.user.user_id)).await?;
    Ok(())
}

async fn moderators_of_one_rank_leave_each_other_alone(harness: &Harness) -> Result<()> {
    let ([alice, bob, carol, dave], [junior, _senior]) = company(harness).await?;
    alice
        .call(&set_roles(bob.user.user_id, vec![junior]))
        .await?;
    is_out_of_reach(&carol, &bob).await?;
    is_out_of_reach(&bob, &carol).await?;
    bob.call(&kick(dave.user.user_id)).await?;
    Ok(())
}

/// Bob manages roles and messages by one role and holds another below it; both are denied to write in
/// the channel of records.
async fn recorded(harness: &Harness) -> Result<([Person; 2], [RoleId; 2])> {
    let people = harness.members().await?;
    let [alice, bob] = &people;
    let moderates = Permissions::MANAGE_ROLES | Permissions::MANAGE_MESSAGES;
    let low = alice
        .call(&create_role("low", Permissions::empty()))
        .await?;
    let high = alice.call(&create_role("high", moderates)).await?;
    let [low, high] = [low, high].map(|made| made.role.role_id);
    alice.call(&move_role(high, 2)).await?;
    alice
        .call(&set_roles(bob.user.user_id, vec![low, high]))
        .await?;
    let taken = Permissions::SEND_MESSAGES | Permissions::MANAGE_MESSAGES;
    let denied =
        |role: RoleId| override_of(TargetKind::Role, role.get(), Permissions::empty(), taken);
    alice
        .creates_channel("#records", vec![denied(high)])
        .await?;
    Ok((people, [low, high]))
}

async fn an_override_gives_nothing_that_its_giver_lacks_in_that_channel(
    harness: &Harness,
) -> Result<()> {
    let ([alice, bob], [low, _high]) = recorded(harness).await?;
    let (records, general) = (
        bob.channel("#records").await?,
        bob.channel("#general").await?,
    );
    let given = |allow| override_of(TargetKind::Role, low.get(), allow, Permissions::empty());
    let due = Reason::Forbidden;
    for permission in [Permissions::SEND_MESSAGES, Permissions::MANAGE_MESSAGES] {
        let given = set_override(records, &given(permission));
        bob.is_refused(bob.scope(), &given, due).await?;
    }
    refused(
        bob.call(&send_message(records, "mine")).await,
        Reason::Forbidden,
    )?;
    // What he holds there he gives there, and elsewhere what he holds elsewhere.
    bob.call(&set_override(records, &given(Permissions::READ_HISTORY)))
        .await?;
    let sends = given(Permissions::SEND_MESSAGES);
    bob.call(&set_override(general, &sends)).await?;
    alice.call(&set_override(records, &sends)).await?;
    bob.send("#records", "she lets me").await?;
    // Nor does he take away there what he does not hold any more.
    alice
        .call(&clear_override(records, &given(Permissions::empty())))
        .await?;
    let clear = set_overrides(records, Vec::new());
    bob.is_refused(bob.scope(), &clear, due).await
}

async fn nobody_sheds_a_role_that_takes_something_from_him(harness: &Harness) -> Result<()> {
    let ([alice, bob], [low, high]) = recorded(harness).await?;
    let (scope, his) = (bob.scope(), bob.user.user_id);
    let general = alice.channel("#general").await?;
    let silent = override_of(
        TargetKind::Role,
        low.get(),
        Permissions::empty(),
        Permissions::SEND_MESSAGES,
    );
    alice.call(&set_override(general, &silent)).await?;
    let before = bob.remembers().await?;
    let due = Reason::Forbidden;
    bob.is_refused(scope, &set_roles(his, vec![high]), due)
        .await?;
    let remove = RemoveMemberRoles {
        nonce: nonce(),
        user_id: his,
        roles: vec![low],
        reason: String::new(),
    };
    bob.is_refused(scope, &remove, due).await?;
    bob.is_refused(scope, &delete_role(low), due).await?;
    bob.is_refused(scope, &clear_override(general, &silent), due)
        .await?;
    refused(bob.call(&send_message(general, "free")).await, due)?;
    bob.agrees(before).await?;
    // Who gave it takes it back; and what takes nothing from him he gives up.
    alice.call(&clear_override(general, &silent)).await?;
    bob.call(&remove).await?;
    alice.call(&set_override(general, &silent)).await?;
    alice.call(&set_roles(his, vec![low, high])).await?;
    alice.call(&set_roles(his, vec![high])).await?;
    bob.send("#general", "free").await?;
    Ok(())
}
