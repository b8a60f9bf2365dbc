//! Accounts: sign up, sign in, guests, sign out, over every transport.

use anyhow::Result;
use loadtest::{
    client::{CallError, Status},
    cluster::Settings,
    harness::{Harness, holds, refused, same, scenario_on, unique},
    random::nonce,
    requests::{PASSWORD, join_as_guest, log_in, register, set_signup},
    transport::{Transport, TransportClient},
};
use shared::{
    error::Reason,
    protocol::{
        account::{
            Authenticate, Deployment, GetDeployment, LogOut, RenameDeployment, SessionOpened,
            SetSignUpPolicy, SignUp,
        },
        session::ListSessions,
    },
};

scenarios! {
    the_first_account_administers_and_no_later_one_does,
    signing_up_and_in_works_over_every_door_and_its_token_on_every_other,
    names_that_look_the_same_are_taken,
    of_sign_ups_with_one_name_at_once_one_succeeds,
    a_wrong_password_and_an_unknown_name_are_refused_alike,
    a_guest_cannot_sign_in_with_a_password,
    a_repeated_sign_up_is_the_same_account_with_the_same_token,
    bad_names_and_passwords_are_refused_by_field,
    signing_out_ends_the_session_everywhere,
    another_session_is_told_of_a_sign_in,
    a_wrong_token_opens_nothing,
}

async fn the_first_account_administers_and_no_later_one_does(harness: &Harness) -> Result<()> {
    let admin = harness.admin().await?;
    holds(admin.user.admin && !admin.user.guest, "the first account")?;
    let later = harness.registered("later", 1).await?;
    holds(!later.user.admin && !later.user.guest, "a later account")?;
    let guest = harness.guest("guest", 1).await?;
    holds(!guest.user.admin && guest.user.guest, "a guest")
}

async fn signing_up_and_in_works_over_every_door_and_its_token_on_every_other(
    harness: &Harness,
) -> Result<()> {
    for transport in Transport::ALL {
        let mut way = TransportClient::open(transport, &harness.address(0)?, None).await?;
        let name = unique("Ünal");
        let signed_up = way.call(0, &register(&name)).await?;
        same(&signed_up.user.name, &name)?;
        let signed_in = way.call(0, &log_in(&name, PASSWORD)).await?;
        same(&signed_in.user, &signed_up.user)?;
        holds(
            signed_in.token != signed_up.token,
            "each session has its token",
        )?;
        let guest = join_as_guest();
        holds(
            way.call(0, &guest).await?.user.guest,
            "a guest over a transport",
        )?;

        for other in Transport::ALL {
            let mut way =
                TransportClient::open(other, &harness.address(1)?, Some(&signed_in.token)).await?;
            let sessions = way.call(0, &ListSessions {}).await?.sessions;
            same(&sessions.len(), &2)?;
            let whose = Authenticate {
                token: signed_in.token.clone(),
            };
            let identity = way.call(0, &whose).await?;
            same(&identity.user, &signed_up.user)?;
            same(&identity.session_id, &signed_in.session_id)?;
        }
    }
    Ok(())
}

async fn names_that_look_the_same_are_taken(harness: &Harness) -> Result<()> {
    let client = harness.client(0);
    let name = unique("alice");
    client.call(0, &register(&name)).await?;
    let wide = name.replacen('a', "\u{ff41}", 1);
    for same_name in [name.clone(), name.to_uppercase(), wide] {
        let result = client.call(0, &register(&same_name)).await;
        refused(result, Reason::NameTaken)?;
    }
    Ok(())
}

async fn of_sign_ups_with_one_name_at_once_one_succeeds(harness: &Harness) -> Result<()> {
    let (one, two) = (harness.client(0), harness.client(1));
    let name = unique("race");
    let (first, second) = (register(&name), register(&name));
    let (first, second) = tokio::join!(one.call(0, &first), two.call(0, &second));
    match (first, second) {
        (Ok(_), other) | (other, Ok(_)) => refused(other, Reason::NameTaken),
        (first, second) => anyhow::bail!("nobody got the name: {first:?} {second:?}"),
    }
}

async fn a_wrong_password_and_an_unknown_name_are_refused_alike(harness: &Harness) -> Result<()> {
    let client = harness.client(0);
    let name = unique("alice");
    client.call(0, &register(&name)).await?;
    let wrong = client.call(0, &log_in(&name, "wrong horse")).await;
    let unknown = client.call(0, &log_in(&unique("no"), PASSWORD)).await;
    same(&wrong, &unknown)?;
    refused(wrong, Reason::WrongCredentials)
}

async fn a_guest_cannot_sign_in_with_a_password(harness: &Harness) -> Result<()> {
    let guest = harness.guest("guest", 0).await?;
    for password in [PASSWORD, "password"] {
        let result = harness
            .client(0)
            .call(0, &log_in(&guest.user.name, password))
            .await;
        refused(result, Reason::WrongCredentials)?;
    }
    Ok(())
}

async fn a_repeated_sign_up_is_the_same_account_with_the_same_token(
    harness: &Harness,
) -> Result<()> {
    let request = register(&unique("again"));
    let first = harness.client(0).call(0, &request).await?;
    let second = harness.client(1).call(0, &request).await?;
    same(&first.user, &second.user)?;
    same(&first.session_id, &second.session_id)?;
    same(&first.token, &second.token)?;
    let client = harness.client(0);
    same(&client.identify(&second.token).await?.user, &first.user)
}

async fn bad_names_and_passwords_are_refused_by_field(harness: &Harness) -> Result<()> {
    let client = harness.client(0);
    for name in [
        "",
        "a",
        "with space",
        "a\u{200b}b",
        "\u{202e}evil",
        &"n".repeat(33),
    ] {
        let result = client.call(0, &register(name)).await;
        let detail = result.as_ref().err().and_then(|error| error.refusal());
        same(
            &detail.and_then(|refusal| refusal.detail.clone()),
            &Some("name".to_owned()),
        )?;
        refused(result, Reason::Invalid)?;
    }
    for password in ["", "short", &"p".repeat(257)] {
        let mut request = register(&unique("weak"));
        request.password = password.to_owned();
        refused(client.call(0, &request).await, Reason::Invalid)?;
    }
    Ok(())
}

async fn signing_out_ends_the_session_everywhere(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    let twin = harness.client(1);
    twin.identify(&alice.token).await?;
    // The close frame may overtake the reply; both say that it is done.
    match alice.client.call(0, &LogOut { nonce: nonce() }).await {
        Ok(()) | Err(CallError::Disconnected) => {}
        Err(error) => return Err(error.into()),
    }
    for client in [&alice.client, &twin] {
        let status = client
            .until(|status| matches!(status, Status::Closed(_)))
            .await?;
        same(&status, &Status::Closed(Some(4_504)))?;
    }
    let mut http =
        TransportClient::open(Transport::Http, &harness.address(1)?, Some(&alice.token)).await?;
    refused(
        http.call(0, &ListSessions {}).await,
        Reason::Unauthenticated,
    )
}

async fn another_session_is_told_of_a_sign_in(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    let before = alice.remembers().await?;
    let second = harness.second_session(&alice).await?;
    alice
        .sees_event(|opened: &SessionOpened| opened.session.session_id == second.session_id)
        .await?;
    alice.agrees(before).await
}

async fn a_wrong_token_opens_nothing(harness: &Harness) -> Result<()> {
    let client = harness.client(0);
    let opened = client.identify("no such token").await;
    refused(opened, Reason::Unauthenticated)?;
    same(&*client.status().borrow(), &Status::Closed(Some(4_503)))?;
    let whose = Authenticate {
        token: "no such token".to_owned(),
    };
    refused(
        harness.client(0).call(0, &whose).await,
        Reason::Unauthenticated,
    )
}

#[tokio::test]
async fn the_administrator_says_who_may_sign_up() -> Result<()> {
    scenario_on(Settings::default(), async |harness| {
        let admin = harness.admin().await?;
        let [alice] = harness.members().await?;
        for (number, transport) in Transport::ALL.into_iter().enumerate() {
            let nobody = harness.client(number);
            let mut way = admin.through(transport).await?;
            way.call(0, &set_signup(SignUp::Closed)).await?;
            let sign_up = register(&unique("bob"));
            refused(nobody.call(0, &sign_up).await, Reason::Forbidden)?;
            way.call(0, &set_signup(SignUp::Invite)).await?;
            refused(nobody.call(0, &sign_up).await, Reason::InviteRequired)?;
            let no_guests = SetSignUpPolicy {
                guests: Some(false),
                ..set_signup(SignUp::Open)
            };
            way.call(0, &no_guests).await?;
            refused(nobody.call(0, &join_as_guest()).await, Reason::Forbidden)?;
            nobody.call(0, &sign_up).await?;
            let rename = RenameDeployment {
                nonce: nonce(),
                name: format!(" {transport:?} "),
            };
            way.call(0, &rename).await?;
            let mut anyone = TransportClient::open(transport, &harness.address(1)?, None).await?;
            let shown = anyone.call(0, &GetDeployment {}).await?;
            let expected = Deployment {
                name: format!("{transport:?}"),
                signup: SignUp::Open,
                guests: false,
                empty: false,
            };
            same(&shown, &expected)?;
        }
        let closed = set_signup(SignUp::Closed);
        alice.is_refused(0, &closed, Reason::Forbidden).await
    })
    .await
}
