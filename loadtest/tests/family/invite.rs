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
    strangers_make_no_codes,
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
        for transport in Transport::ALL {
            let mut way = bob.through(transport).await?;
            refused(
                way.call(0, &redeem_invite(&code)).await,
                Reason::UnknownInvite,
            )?;
            refused(
                way.call(0, &preview_invite(&code)).await,
                Reason::UnknownInvite,
            )?;
        }
    }
    Ok(())
}

async fn a_deployment_code_needs_the_administrator(harness: &Harness) -> Result<()> {
    let admin = harness.admin().await?;
    let [alice] = harness.members().await?;
    for transport in Transport::ALL {
        let made = admin
            .through(transport)
            .await?
            .call(0, &create(None, None))
            .await?;
        let shown = admin.client.call(0, &preview_invite(&made.code)).await?;
        holds(shown.server.is_none(), "it opens no server")?;
        let mut way = alice.through(transport).await?;
        refused(way.call(0, &create(None, None)).await, Reason::Forbidden)?;
        refused(
            way.call(0, &redeem_invite(&made.code)).await,
            Reason::UnknownInvite,
        )?;
    }
    Ok(())
}

async fn strangers_make_no_codes(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let stranger = harness.guest("stranger", 1).await?;
    let result = stranger
        .client
        .call(alice.scope(), &create(None, None))
        .await;
    refused(result, Reason::UnknownServer)?;
    // An override of a channel says nothing of the server.
    let deny = deny_everyone(alice.scope(), Permissions::CREATE_INVITE);
    alice
        .overrides(alice.channel("#general").await?, vec![deny])
        .await?;
    alice.call(&create(None, None)).await?;
    Ok(())
}

#[tokio::test]
async fn a_deployment_by_invitation_lets_only_the_invited_sign_up() -> Result<()> {
    let settings = Settings {
        signup: "invite",
        workers: 1,
        ..Settings::default()
    };
    scenario_on(settings, async |harness| {
        let admin = harness.admin().await?;
        let code = admin.client.call(0, &create(Some(1), None)).await?.code;
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
        )
    })
    .await
}

#[tokio::test]
async fn a_closed_deployment_takes_nobody_after_the_first() -> Result<()> {
    let settings = Settings {
        signup: "closed",
        gateways: 1,
        workers: 1,
        ..Settings::default()
    };
    scenario_on(settings, async |harness| {
        let register = requests::register(&unique("bob"));
        let result = harness.client(0).call(0, &register).await;
        holds(
            matches!(&result, Err(error) if error.refusal().is_some()),
            &format!("{result:?}"),
        )
    })
    .await
}
