//! Invites: codes that open a server or the deployment.

use anyhow::Result;
use loadtest::{
    cluster::Settings,
    harness::{Harness, holds, refused, same, scenario_on, unique},
    requests::{self, create_invite, deny_everyone, preview_invite, redeem_invite},
    transport::{Transport, TransportClient},
};
use shared::{
    domain::permissions::Permissions,
    error::Reason,
    protocol::{
        account::CreateAccount,
        invite::CreateInvite,
        server::{MemberJoined, ServerJoined},
    },
};

scenarios! {
    a_code_is_made_previewed_and_redeemed_over_every_door,
    a_single_use_code_lets_one_of_two_in,
    a_repeated_redemption_uses_the_code_once,
    an_expired_or_unknown_code_opens_nothing,
    a_deployment_code_needs_the_administrator,
    an_override_of_a_channel_says_nothing_of_the_server,
}

fn create(max_uses: Option<u32>, expires_in: Option<u32>) -> CreateInvite {
    CreateInvite {
        max_uses,
        expires_in,
        ..create_invite()
    }
}

async fn a_code_is_made_previewed_and_redeemed_over_every_door(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let [alice] = harness.members().await?;
        let bob = harness.guest("bob", 1).await?;
        let code = alice
            .through(transport)
            .await?
            .call(alice.scope(), &create(Some(2), None))
            .await?
            .code;
        let mut nobody = TransportClient::open(transport, &harness.address(1)?, None).await?;
        let shown = nobody.call(0, &preview_invite(&code)).await?;
        same(
            &shown.server.map(|server| server.server_id.get()),
            &Some(alice.scope()),
        )?;
        same(&shown.uses_left, &Some(2))?;

        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let info = bob
            .through(transport)
            .await?
            .call(0, &redeem_invite(&code))
            .await?;
        same(&info.server.server_id.get(), &alice.scope())?;
        alice
            .sees_event(|joined: &MemberJoined| joined.member.user == bob.user)
            .await?;
        bob.sees_event(|joined: &ServerJoined| joined.server == info.server)
            .await?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
        let shown = nobody.call(0, &preview_invite(&code)).await?;
        same(&shown.uses_left, &Some(1))?;

        // The stream of the new topic flows at once.
        bob.settles(info.server.server_id);
        alice.send("#general", "welcome").await?;
        bob.sees("welcome").await?;
    }
    Ok(())
}

async fn a_single_use_code_lets_one_of_two_in(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let code = alice.call(&create(Some(1), None)).await?.code;
    let bob = harness.guest("bob", 0).await?;
    let carol = harness.guest("carol", 1).await?;
    let (his, hers) = (redeem_invite(&code), redeem_invite(&code));
    let (first, second) = tokio::join!(bob.client.call(0, &his), carol.client.call(0, &hers));
    match (first, second) {
        (Ok(_), other) | (other, Ok(_)) => refused(other, Reason::UnknownInvite),
        (first, second) => anyhow::bail!("nobody came in: {first:?} {second:?}"),
    }
}

async fn a_repeated_redemption_uses_the_code_once(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let code = alice.call(&create(Some(2), None)).await?.code;
    let bob = harness.guest("bob", 1).await?;
    let request = redeem_invite(&code);
    let first = bob.client.call(0, &request).await?;
    let again = bob
        .through(Transport::Http)
        .await?
        .call(0, &request)
        .await?;
    same(&first, &again)?;
    let shown = bob.client.call(0, &preview_invite(&code)).await?;
    same(&shown.uses_left, &Some(1))?;
    refused(
        bob.client.call(0, &redeem_invite(&code)).await,
        Reason::AlreadyMember,
    )
}

async fn an_expired_or_unknown_code_opens_nothing(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let bob = harness.guest("bob", 1).await?;
    let expired = alice.call(&create(None, Some(0))).await;
    let codes = match expired {
        Ok(made) => vec![made.code, "no-such-code".to_owned(), String::new()],
        // A code that is never valid may as well be refused.
        other => {
            refused(other, Reason::Invalid)?;
            vec!["no-such-code".to_owned(), String::new()]
        }
    };
    for code in codes {
        let due = Reason::UnknownInvite;
        bob.is_refused(0, &redeem_invite(&code), due).await?;
        bob.is_refused(0, &preview_invite(&code), due).await?;
    }
    Ok(())
}

async fn a_deployment_code_needs_the_administrator(harness: &Harness) -> Result<()> {
    let admin = harness.admin().await?;
    let [alice] = harness.members().await?;
    for mut way in admin.ways().await? {
        let made = way.call(0, &create(None, None)).await?;
        let shown = admin.client.call(0, &preview_invite(&made.code)).await?;
        holds(shown.server.is_none(), "it opens no server")?;
        let redeem = redeem_invite(&made.code);
        alice.is_refused(0, &redeem, Reason::UnknownInvite).await?;
    }
    let create = create(None, None);
    alice.is_refused(0, &create, Reason::Forbidden).await
}

async fn an_override_of_a_channel_says_nothing_of_the_server(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let deny = deny_everyone(alice.scope(), Permissions::CREATE_INVITE);
    let general = alice.channel("#general").await?;
    alice.overrides(general, vec![deny]).await?;
    bob.invites().await.map(drop)
}

#[tokio::test]
async fn a_deployment_by_invitation_lets_as_many_sign_up_as_are_invited() -> Result<()> {
    let settings = Settings {
        signup: "invite",
        ..Settings::default()
    };
    scenario_on(settings, async |harness| {
        let admin = harness.admin().await?;
        let code = admin.client.call(0, &create(Some(1), None)).await?.code;
        let code_for_two = admin.client.call(0, &create(Some(2), None)).await?.code;
        let register = |invite: Option<&str>| CreateAccount {
            invite: invite.map(str::to_owned),
            ..requests::register(&unique("bob"))
        };
        let client = harness.client(1);
        refused(
            client.call(0, &register(None)).await,
            Reason::InviteRequired,
        )?;
        refused(
            client.call(0, &register(Some("no-such-code"))).await,
            Reason::UnknownInvite,
        )?;
        let invited = register(Some(&code));
        let first = client.call(0, &invited).await?;
        // A repeat is the same account, though the code is used up by now.
        same(&client.call(0, &invited).await?.user, &first.user)?;
        refused(
            client.call(0, &register(Some(&code))).await,
            Reason::UnknownInvite,
        )?;
        let sign_up = async |gateway| {
            let client = harness.client(gateway);
            client.call(0, &register(Some(&code_for_two))).await
        };
        let results: [_; 5] =
            tokio::join!(sign_up(0), sign_up(1), sign_up(0), sign_up(1), sign_up(0)).into();
        let (inside, outside): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        same(&inside.len(), &2)?;
        for result in outside {
            refused(result, Reason::UnknownInvite)?;
        }
        Ok(())
    })
    .await
}
