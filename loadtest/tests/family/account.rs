//! Accounts: sign up, sign in, guests, sign out, over every transport.

use anyhow::{Context, Result};
use loadtest::{
    client::{CallError, Status, link::Ended},
    cluster::Settings,
    harness::{Harness, holds, refused, same, scenario_on, unique},
    random::nonce,
    requests::{
        PASSWORD, change_password, delete_account, join_as_guest, log_in, register, register_guest,
        set_signup, transfer_server, update_account,
    },
    transport::{Transport, TransportClient},
};
use shared::{
    error::Reason,
    protocol::{
        account::{
            Authenticate, ChangePassword, Deployment, GetDeployment, LogOut, RenameDeployment,
            SessionOpened, SetSignUpPolicy, SignUp, UpdateAccount,
        },
        server::MemberLeft,
        session::ListSessions,
        user::{GetUser, UserUpdated},
    },
};

scenarios! {
    who_tells_many_servers_of_himself_waits,
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
    an_account_says_something_else_of_itself_over_every_door_and_its_servers_hear_it,
    who_changed_his_name_often_keeps_it,
    what_an_account_may_not_say_changes_nothing,
    a_guest_keeps_the_name_that_was_made_for_him,
    of_two_who_take_one_name_at_once_one_gets_it,
    a_password_is_changed_over_every_door_and_other_sessions_end_if_wanted,
    who_does_not_know_the_password_changes_nothing,
    a_guest_registers_over_every_door_and_stays_the_same,
    a_deleted_account_is_gone_from_its_servers_and_its_messages_stay,
    a_guest_deletes_himself_without_a_password,
    who_owns_a_server_or_administers_is_not_deleted,
}

async fn who_tells_many_servers_of_himself_waits(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    for number in 0..20 {
        alice.creates_server(&format!("Server {number}")).await?;
    }
    let his = bob.remembers().await?;
    let mut number = 0;
    let refusal = loop {
        let update = UpdateAccount {
            avatar: Some(format!("https://example.org/{number}.png")),
            ..update_account()
        };
        match alice.client.call(0, &update).await {
            Ok(()) => number += 1,
            Err(CallError::Refused(refusal)) => break refusal,
            Err(error) => return Err(error.into()),
        }
    };
    // 21 servers each time, and a thousand at once.
    holds(number >= 47, &format!("{number} changes"))?;
    same(&refusal.reason, &Reason::RateLimited)?;
    let wait = refusal.retry_after.unwrap_or_default();
    holds((1..=2_100).contains(&wait), &format!("{wait} ms"))?;
    // What nobody else is told has its own limit.
    let bio = UpdateAccount {
        bio: Some("I like pictures".to_owned()),
        ..update_account()
    };
    alice.client.call(0, &bio).await?;
    bob.agrees(his).await
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

async fn an_account_says_something_else_of_itself_over_every_door_and_its_servers_hear_it(
    harness: &Harness,
) -> Result<()> {
    let [owner] = harness.members().await?;
    let alice = harness.registered("alice", 1).await?;
    alice.joins(&owner.invites().await?).await?;
    let second = harness.second_session(&alice).await?;
    second.settles(owner.home().context("a home")?);
    for transport in Transport::ALL {
        let (theirs, hers) = (owner.remembers().await?, alice.remembers().await?);
        let also = second.remembers().await?;
        let name = unique("Alice");
        let update = UpdateAccount {
            name: Some(name.clone()),
            avatar: Some(format!("https://a.example/{transport:?}.png")),
            bio: Some(format!(" I like {transport:?}. ")),
            locale: Some("de-AT".to_owned()),
            ..update_account()
        };
        let mut way = alice.through(transport).await?;
        way.call(0, &update).await?;
        way.call(0, &update).await?;
        let told = owner
            .sees_event(|updated: &UserUpdated| updated.user.name == name)
            .await?;
        let user_id = alice.user.user_id;
        let own = way.call(0, &GetUser { user_id }).await?;
        same(&own.user, &told.user)?;
        same(&own.bio, &format!("I like {transport:?}."))?;
        same(&own.locale, &"de-AT".to_owned())?;
        // The language is nobody else's business.
        let shown = owner.client.call(0, &GetUser { user_id }).await?;
        same(&(shown.bio, shown.locale), &(own.bio, String::new()))?;
        owner.agrees(theirs).await?;
        alice.agrees(hers).await?;
        second.agrees(also).await?;
        harness.client(0).call(0, &log_in(&name, PASSWORD)).await?;
    }
    // The name from before is nobody else's for some days; she may have it back.
    let taken = harness.client(0).call(0, &register(&alice.user.name)).await;
    refused(taken, Reason::NameTaken)?;
    let back = UpdateAccount {
        name: Some(alice.user.name.clone()),
        ..update_account()
    };
    alice.client.call(0, &back).await?;
    Ok(())
}

async fn who_changed_his_name_often_keeps_it(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    let rename = || UpdateAccount {
        name: Some(unique("Alice")),
        ..update_account()
    };
    for _ in 0..10 {
        alice.client.call(0, &rename()).await?;
    }
    let eleventh = alice.client.call(0, &rename()).await;
    refused(eleventh, Reason::LimitReached)?;
    // And learns no more of whom there is.
    let bob = harness.registered("bob", 1).await?;
    let taken = UpdateAccount {
        name: Some(bob.user.name),
        ..update_account()
    };
    alice.is_refused(0, &taken, Reason::LimitReached).await
}

async fn what_an_account_may_not_say_changes_nothing(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    let bob = harness.registered("bob", 1).await?;
    let before = alice.remembers().await?;
    let text = |text: &str| Some(text.to_owned());
    let cases = [
        (
            Reason::NameTaken,
            UpdateAccount {
                name: Some(bob.user.name.to_uppercase()),
                bio: text("not stored"),
                ..update_account()
            },
        ),
        (
            Reason::Invalid,
            UpdateAccount {
                name: text("with space"),
                ..update_account()
            },
        ),
        (
            Reason::Invalid,
            UpdateAccount {
                bio: text("not stored"),
                avatar: text("data:image/png;base64,AAAA"),
                ..update_account()
            },
        ),
        (
            Reason::Invalid,
            UpdateAccount {
                locale: text("de_AT"),
                ..update_account()
            },
        ),
        (
            Reason::TooLarge,
            UpdateAccount {
                bio: Some("x".repeat(501)),
                ..update_account()
            },
        ),
    ];
    for (due, update) in &cases {
        alice.is_refused(0, update, *due).await?;
    }
    alice.agrees(before).await
}

async fn a_guest_keeps_the_name_that_was_made_for_him(harness: &Harness) -> Result<()> {
    let guest = harness.guest("guest", 0).await?;
    let rename = UpdateAccount {
        name: Some(unique("king")),
        ..update_account()
    };
    guest.is_refused(0, &rename, Reason::Forbidden).await?;
    let speak = UpdateAccount {
        bio: Some("just looking".to_owned()),
        ..update_account()
    };
    guest.client.call(0, &speak).await?;
    Ok(())
}

async fn of_two_who_take_one_name_at_once_one_gets_it(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    let bob = harness.registered("bob", 1).await?;
    let name = unique("both");
    let rename = || UpdateAccount {
        name: Some(name.clone()),
        ..update_account()
    };
    let (hers, his) = (rename(), rename());
    let (first, second) = tokio::join!(alice.client.call(0, &hers), bob.client.call(0, &his));
    match (first, second) {
        (Ok(()), other) | (other, Ok(())) => refused(other, Reason::NameTaken),
        (first, second) => anyhow::bail!("nobody got the name: {first:?} {second:?}"),
    }
}

async fn a_password_is_changed_over_every_door_and_other_sessions_end_if_wanted(
    harness: &Harness,
) -> Result<()> {
    for transport in Transport::ALL {
        let alice = harness.registered("alice", 0).await?;
        let second = harness.second_session(&alice).await?;
        let mut way = alice.through(transport).await?;
        let change = change_password("another horse");
        way.call(0, &change).await?;
        // A repeat is the same, though the old password is none any more.
        way.call(0, &change).await?;
        let client = harness.client(1);
        let old = client.call(0, &log_in(&alice.user.name, PASSWORD)).await;
        refused(old, Reason::WrongCredentials)?;
        let new = log_in(&alice.user.name, "another horse");
        let third = client.call(0, &new).await?;
        same(&third.user, &alice.user)?;
        let sessions = alice.client.call(0, &ListSessions {}).await?.sessions;
        same(&sessions.len(), &3)?;
        let change = ChangePassword {
            password: "another horse".to_owned(),
            end_others: true,
            ..change_password("a third horse")
        };
        way.call(0, &change).await?;
        let status = second
            .client
            .until(|status| matches!(status, Status::Closed(_)))
            .await?;
        same(&status, &Status::Closed(Some(4_504)))?;
        let sessions = way.call(0, &ListSessions {}).await?.sessions;
        let left: Vec<_> = sessions.iter().map(|session| session.session_id).collect();
        same(&left, &vec![alice.session_id])?;
    }
    Ok(())
}

async fn who_does_not_know_the_password_changes_nothing(harness: &Harness) -> Result<()> {
    let alice = harness.registered("alice", 0).await?;
    let guest = harness.guest("guest", 0).await?;
    let before = alice.remembers().await?;
    let wrong = ChangePassword {
        password: "wrong horse".to_owned(),
        end_others: true,
        ..change_password("another horse")
    };
    let due = Reason::WrongCredentials;
    refused(alice.client.call(0, &wrong).await, due)?;
    refused(guest.client.call(0, &wrong).await, due)?;
    let short = change_password("short");
    refused(alice.client.call(0, &short).await, Reason::Invalid)?;
    for password in [None, Some("wrong horse")] {
        let delete = delete_account(password);
        let due = password.map_or(Reason::Invalid, |_| due);
        refused(alice.client.call(0, &delete).await, due)?;
    }
    let register = register_guest(&unique("again"));
    refused(alice.client.call(0, &register).await, Reason::Forbidden)?;
    alice.agrees(before).await?;
    let same_as_before = log_in(&alice.user.name, PASSWORD);
    harness.client(1).call(0, &same_as_before).await?;
    Ok(())
}

async fn a_guest_registers_over_every_door_and_stays_the_same(harness: &Harness) -> Result<()> {
    let taken = harness.registered("taken", 0).await?;
    for transport in Transport::ALL {
        let [owner, guest] = harness.members().await?;
        let (theirs, his) = (owner.remembers().await?, guest.remembers().await?);
        let mut way = guest.through(transport).await?;
        let other = register_guest(&taken.user.name);
        refused(way.call(0, &other).await, Reason::NameTaken)?;
        let register = register_guest(&unique("Person"));
        let user = way.call(0, &register).await?;
        same(&way.call(0, &register).await?, &user)?;
        same(&user.user_id, &guest.user.user_id)?;
        same(&(user.guest, &user.name), &(false, &register.name))?;
        owner
            .sees_event(|updated: &UserUpdated| updated.user == user)
            .await?;
        owner.agrees(theirs).await?;
        guest.agrees(his).await?;
        let again = log_in(&user.name, PASSWORD);
        same(&harness.client(1).call(0, &again).await?.user, &user)?;
    }
    Ok(())
}

async fn a_deleted_account_is_gone_from_its_servers_and_its_messages_stay(
    harness: &Harness,
) -> Result<()> {
    for transport in Transport::ALL {
        let [owner] = harness.members().await?;
        let alice = harness.registered("alice", 1).await?;
        alice.joins(&owner.invites().await?).await?;
        let second = harness.second_session(&alice).await?;
        alice.send("#general", "remember me").await?;
        owner.sees("remember me").await?;
        let before = owner.remembers().await?;
        let delete = delete_account(Some(PASSWORD));
        // The close frame may overtake the reply; both say that it is done.
        match alice.through(transport).await?.call(0, &delete).await {
            Ok(()) | Err(CallError::Ended(Ended::Closed(4_504))) => {}
            Err(error) => return Err(error.into()),
        }
        for client in [&alice.client, &second.client] {
            let status = client
                .until(|status| matches!(status, Status::Closed(_)))
                .await?;
            same(&status, &Status::Closed(Some(4_504)))?;
        }
        let user_id = alice.user.user_id;
        owner
            .sees_event(|left: &MemberLeft| left.user_id == user_id)
            .await?;
        owner.agrees(before).await?;
        let general = owner.channel("#general").await?;
        let history = owner.history(general).await?;
        let said = history.iter().find(|message| message.author_id == user_id);
        same(&said.map(|m| m.content.as_str()), &Some("remember me"))?;
        let shown = owner.client.call(0, &GetUser { user_id }).await?.user;
        same(&shown, &shared::protocol::user::User::tombstone(user_id))?;
        let client = harness.client(0);
        let old = client.call(0, &log_in(&alice.user.name, PASSWORD)).await;
        refused(old, Reason::WrongCredentials)?;
        // The name is nobody's for some days.
        let taken = client.call(0, &register(&alice.user.name)).await;
        refused(taken, Reason::NameTaken)?;
    }
    Ok(())
}

async fn a_guest_deletes_himself_without_a_password(harness: &Harness) -> Result<()> {
    let [owner, guest] = harness.members().await?;
    let before = owner.remembers().await?;
    match guest.client.call(0, &delete_account(None)).await {
        Ok(()) | Err(CallError::Disconnected) => {}
        Err(error) => return Err(error.into()),
    }
    owner
        .sees_event(|left: &MemberLeft| left.user_id == guest.user.user_id)
        .await?;
    owner.agrees(before).await
}

async fn who_owns_a_server_or_administers_is_not_deleted(harness: &Harness) -> Result<()> {
    let [owner, heir] = harness.members().await?;
    let before = owner.remembers().await?;
    let delete = delete_account(None);
    let due = Reason::OwnerCannotLeave;
    refused(owner.client.call(0, &delete).await, due)?;
    owner.agrees(before).await?;
    let transfer = transfer_server(heir.user.user_id);
    owner.call(&transfer).await?;
    match owner.client.call(0, &delete_account(None)).await {
        Ok(()) | Err(CallError::Disconnected) => {}
        Err(error) => return Err(error.into()),
    }
    let admin = harness.admin().await?;
    let delete = delete_account(Some(PASSWORD));
    refused(admin.client.call(0, &delete).await, Reason::Forbidden)
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
