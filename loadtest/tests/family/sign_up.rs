//! Signing up where that needs a code: one of the deployment, or one link to a server that is enough.

use anyhow::{Context as _, Result};
use loadtest::{
    cluster::Settings,
    harness::{Harness, Person, holds, refused, same, scenario_on, unique},
    requests::{
        self, ban, create_invite, join_as_guest, kick, leave_server, list_uses, preview_invite,
        redeem_invite, register_guest, revoke_invite, set_signup, unban,
    },
    transport::{Transport, TransportClient},
};
use shared::{
    error::{Reason, Refusal},
    protocol::{
        account::{CreateAccount, RegisterGuest, SignUp, SignedIn},
        invite::{CreateInvite, InvitePreview},
    },
};

fn by_invitation() -> Settings {
    Settings {
        signup: "invite",
        ..Settings::default()
    }
}

fn for_people(max_uses: u32) -> CreateInvite {
    CreateInvite {
        max_uses: Some(max_uses),
        ..create_invite()
    }
}

fn register_with(invite: Option<&str>) -> CreateAccount {
    CreateAccount {
        invite: invite.map(str::to_owned),
        ..requests::register(&unique("bob"))
    }
}

/// The administrator in a server of his own.
async fn founder(harness: &Harness) -> Result<Person> {
    let admin = harness.admin().await?;
    admin.creates_server("Company").await?;
    Ok(admin)
}

/// Somebody who just signed up goes in.
async fn enter(harness: &Harness, signed_in: SignedIn) -> Result<Person> {
    Person::enter("bob", signed_in, harness.client(1), harness.address(1)?).await
}

/// What a code is, for who is nobody yet.
async fn shown(harness: &Harness, code: &str) -> Result<InvitePreview> {
    let nobody = harness.client(1);
    nobody
        .call(0, &preview_invite(code))
        .await
        .context("preview")
}

/// A code of a member, which his account may use and nobody without one.
fn opens_only_the_server() -> Refusal {
    Refusal::field(Reason::InviteRequired, "administrator")
}

#[tokio::test]
async fn a_deployment_by_invitation_lets_as_many_sign_up_as_are_invited() -> Result<()> {
    scenario_on(by_invitation(), async |harness| {
        let admin = harness.admin().await?;
        let code = admin.client.call(0, &for_people(1)).await?.code;
        let code_for_two = admin.client.call(0, &for_people(2)).await?.code;
        let client = harness.client(1);
        refused(
            client.call(0, &register_with(None)).await,
            Reason::InviteRequired,
        )?;
        refused(
            client.call(0, &register_with(Some("no-such-code"))).await,
            Reason::UnknownInvite,
        )?;
        let invited = register_with(Some(&code));
        let first = client.call(0, &invited).await?;
        // A repeat is the same account, though the code is used up by now.
        same(&client.call(0, &invited).await?.user, &first.user)?;
        refused(
            client.call(0, &register_with(Some(&code))).await,
            Reason::UnknownInvite,
        )?;
        let sign_up = async |gateway| {
            let client = harness.client(gateway);
            client.call(0, &register_with(Some(&code_for_two))).await
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

#[tokio::test]
async fn one_link_opens_the_account_and_the_server_over_every_door() -> Result<()> {
    scenario_on(by_invitation(), async |harness| {
        let admin = founder(harness).await?;
        for transport in Transport::ALL {
            let code = admin.call(&for_people(1)).await?.code;
            let mut nobody = TransportClient::open(transport, &harness.address(1)?, None).await?;
            let preview = nobody.call(0, &preview_invite(&code)).await?;
            let server = preview.server.map(|server| server.server_id);
            same(&(server, preview.opens_account), &(admin.home(), true))?;
            let request = register_with(Some(&code));
            let signed_in = nobody.call(0, &request).await?;
            // A repeat is the same account, and the code was used once.
            same(&nobody.call(0, &request).await?.user, &signed_in.user)?;
            let due = Reason::UnknownInvite;
            let late = nobody.call(0, &register_with(Some(&code))).await;
            refused(late, due)?;
            refused(nobody.call(0, &preview_invite(&code)).await, due)?;

            // Whose account it is sees what he is invited to, and comes in by the use that was counted.
            let bob = enter(harness, signed_in).await?;
            let mut way = bob.through(transport).await?;
            let preview = way.call(0, &preview_invite(&code)).await?;
            same(
                &(preview.uses_left, preview.opens_account),
                &(Some(0), false),
            )?;
            let redeem = redeem_invite(&code);
            let info = way.call(0, &redeem).await?;
            same(&way.call(0, &redeem).await?, &info)?;
            bob.settles(info.server.server_id);
            refused(
                way.call(0, &redeem_invite(&code)).await,
                Reason::AlreadyMember,
            )?;
            let uses = admin.call(&list_uses(&code)).await?.uses;
            let users: Vec<_> = uses.into_iter().map(|used| used.user).collect();
            same(&users, &vec![bob.user.clone()])?;
            admin.send("#general", "welcome").await?;
            bob.sees("welcome").await?;

            // That was all that the use was good for.
            bob.call(&leave_server()).await?;
            bob.is_refused(0, &redeem_invite(&code), due).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_last_use_of_a_link_lets_one_of_twenty_in() -> Result<()> {
    scenario_on(by_invitation(), async |harness| {
        let admin = founder(harness).await?;
        let code = admin.call(&for_people(1)).await?.code;
        let mut racing = tokio::task::JoinSet::new();
        for number in 0..20 {
            let (client, request) = (harness.client(number), register_with(Some(&code)));
            racing.spawn(async move { client.call(0, &request).await });
        }
        let results = racing.join_all().await;
        let (inside, outside): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        for result in outside {
            refused(result, Reason::UnknownInvite)?;
        }
        let [Ok(signed_in)] = <[_; 1]>::try_from(inside).ok().context("not one came in")? else {
            anyhow::bail!("it is one of those who came in");
        };
        // Whoever has an account gets nothing of a use that is counted for another one.
        let guest = harness.guest("guest", 0).await?;
        let redeem = redeem_invite(&code);
        guest.is_refused(0, &redeem, Reason::UnknownInvite).await?;
        enter(harness, signed_in).await?.joins(&code).await
    })
    .await
}

#[tokio::test]
async fn a_code_of_a_member_opens_no_account_and_says_so() -> Result<()> {
    scenario_on(by_invitation(), async |harness| {
        let [alice] = harness.members().await?;
        let code = alice.call(&for_people(1)).await?.code;
        for transport in Transport::ALL {
            let mut nobody = TransportClient::open(transport, &harness.address(1)?, None).await?;
            let preview = nobody.call(0, &preview_invite(&code)).await?;
            same(
                &(preview.uses_left, preview.opens_account),
                &(Some(1), false),
            )?;
            let result = nobody.call(0, &register_with(Some(&code))).await;
            let refusal = result.as_ref().err().and_then(|error| error.refusal());
            same(&refusal, &Some(&opens_only_the_server()))?;
        }
        // Nothing was counted: it still lets in who has an account.
        let guest = harness.guest("guest", 0).await?;
        let upgrade = RegisterGuest {
            invite: Some(code.clone()),
            ..register_guest(&unique("carol"))
        };
        guest
            .is_refused(0, &upgrade, Reason::InviteRequired)
            .await?;
        guest.joins(&code).await
    })
    .await
}

#[tokio::test]
async fn a_link_that_is_revoked_or_expires_between_the_two_opens_no_server() -> Result<()> {
    scenario_on(by_invitation(), async |harness| {
        let admin = founder(harness).await?;
        let due = Reason::UnknownInvite;
        let expire = "UPDATE invites SET expires_at = now() - interval '1 second' WHERE code = ";
        for revoked in [true, false] {
            let code = admin.call(&for_people(2)).await?.code;
            let request = register_with(Some(&code));
            let signed_in = harness.client(0).call(0, &request).await?;
            let bob = enter(harness, signed_in).await?;
            if revoked {
                admin.call(&revoke_invite(&code)).await?;
            } else {
                let expire = format!("{expire}'{code}'");
                let cluster = &harness.cluster;
                cluster
                    .sql(async |client| client.batch_execute(&expire).await)
                    .await?;
            }
            bob.is_refused(0, &preview_invite(&code), due).await?;
            bob.is_refused(0, &redeem_invite(&code), due).await?;
            let late = harness.client(1).call(0, &register_with(Some(&code))).await;
            refused(late, due)?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn who_is_kicked_or_was_banned_does_not_come_back_by_the_link_that_opened_his_account()
-> Result<()> {
    scenario_on(by_invitation(), async |harness| {
        let admin = founder(harness).await?;
        for banned in [false, true] {
            let (link, other) = (
                admin.call(&for_people(1)).await?.code,
                admin.call(&for_people(1)).await?.code,
            );
            let request = register_with(Some(&link));
            let signed_in = harness.client(0).call(0, &request).await?;
            let bob = enter(harness, signed_in).await?;
            // He comes in by another one, so that the use of the link is not spent.
            bob.joins(&other).await?;
            let user_id = bob.user.user_id;
            if banned {
                admin.call(&ban(user_id)).await?;
                admin.call(&unban(user_id)).await?;
            } else {
                admin.call(&kick(user_id)).await?;
            }
            bob.is_refused(0, &redeem_invite(&link), Reason::UnknownInvite)
                .await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn codes_open_accounts_as_long_as_their_maker_administers() -> Result<()> {
    scenario_on(by_invitation(), async |harness| {
        let admin = founder(harness).await?;
        let home = admin.client.call(0, &create_invite()).await?.code;
        let link = admin.call(&create_invite()).await?.code;
        let nobody = harness.client(1);
        let signed_in = nobody.call(0, &register_with(Some(&link))).await?;
        let bob = enter(harness, signed_in).await?;
        let id = admin.user.user_id;
        for (was, is) in [
            ("admin = true", "admin = false"),
            ("disabled = false", "disabled = true"),
            ("deleted = false", "deleted = true"),
        ] {
            let set = async |what: &str| {
                let set = format!("UPDATE accounts SET {what} WHERE id = {id}");
                let cluster = &harness.cluster;
                cluster
                    .sql(async |client| client.batch_execute(&set).await)
                    .await
            };
            set(is).await?;
            holds(!shown(harness, &link).await?.opens_account, "it opens none")?;
            let result = nobody.call(0, &register_with(Some(&link))).await;
            let refusal = result.as_ref().err().and_then(|error| error.refusal());
            same(&refusal, &Some(&opens_only_the_server()))?;
            let due = Reason::UnknownInvite;
            refused(nobody.call(0, &preview_invite(&home)).await, due)?;
            refused(nobody.call(0, &register_with(Some(&home))).await, due)?;
            set(was).await?;
            nobody.call(0, &register_with(Some(&home))).await?;
        }
        // Whose account is open already joins as before.
        bob.joins(&link).await
    })
    .await
}

#[tokio::test]
async fn a_link_opens_what_the_policy_leaves_open() -> Result<()> {
    scenario_on(by_invitation(), async |harness| {
        let admin = founder(harness).await?;
        let link = admin.call(&create_invite()).await?.code;
        let nobody = harness.client(1);
        admin.client.call(0, &set_signup(SignUp::Closed)).await?;
        holds(!shown(harness, &link).await?.opens_account, "it is closed")?;
        let result = nobody.call(0, &register_with(Some(&link))).await;
        refused(result, Reason::Forbidden)?;
        admin.client.call(0, &set_signup(SignUp::Open)).await?;
        let [alice] = harness.members().await?;
        let code = alice.call(&for_people(1)).await?.code;
        holds(shown(harness, &code).await?.opens_account, "anybody may")?;
        // Where no code is needed, none is used up, whatever it is.
        let signed_in = nobody.call(0, &register_with(Some(&code))).await?;
        same(&shown(harness, &code).await?.uses_left, &Some(1))?;
        enter(harness, signed_in).await?.joins(&code).await?;

        // A guest who takes a name redeems it as who signs up does.
        admin.client.call(0, &set_signup(SignUp::Invite)).await?;
        let once = admin.call(&for_people(1)).await?.code;
        let signed_in = nobody.call(0, &join_as_guest()).await?;
        let guest = enter(harness, signed_in).await?;
        let upgrade = RegisterGuest {
            invite: Some(once.clone()),
            ..register_guest(&unique("carol"))
        };
        guest.client.call(0, &upgrade).await?;
        guest.joins(&once).await
    })
    .await
}
