//! Moderators among each other: who stands higher moderates those below, and nobody else.

use anyhow::Result;
use loadtest::{
    harness::{Harness, Person, refused, same},
    requests::{
        ban, create_role, get_modlog, kick, move_role, mute, send_message, set_roles, time_out,
        unban, unmute,
    },
};
use shared::{
    domain::{audit::Action, permissions::Permissions},
    error::Reason,
    ids::RoleId,
    protocol::moderation::GetModlog,
};

scenarios! {
    moderators_moderate_those_below_them_over_every_door,
    another_order_of_roles_is_another_rank_from_its_reply_on,
    moderators_of_one_rank_leave_each_other_alone,
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
