//! Who talks: a name and a password, a new account, or a guest.

use anyhow::{Context, Result};
use loadtest::{client::Client, requests};
use shared::protocol::account::{CreateAccount, JoinAsGuest, LogIn, SignedIn};

use crate::{Arguments, input::Input, screen::Screen};

/// Signs in as the arguments say, and asks for what they leave out.
pub(crate) async fn sign_in(
    arguments: &Arguments,
    client: &Client,
    input: &mut Input,
    screen: &mut Screen,
) -> Result<SignedIn> {
    let device = Some("terminal".to_owned());
    if arguments.guest {
        let guest = JoinAsGuest {
            device,
            ..requests::join_as_guest()
        };
        return client.call(0, &guest).await.context("joining as a guest");
    }
    let mut invite = arguments.invite.clone();
    let mut sign_up = arguments.sign_up;
    let name = if let Some(name) = arguments.name.clone() {
        name
    } else {
        let name = input.ask("name:", screen).await?;
        if !sign_up {
            sign_up = input.ask_whether("new here?", screen).await?;
        }
        if sign_up && invite.is_none() {
            let question = "code (the first account needs none):";
            let code = input.ask(question, screen).await?;
            invite = Some(code).filter(|code| !code.is_empty());
        }
        name
    };
    let password = input.ask_secret("password:", screen).await?;
    if sign_up {
        let register = CreateAccount {
            password,
            invite,
            device,
            ..requests::register(&name)
        };
        return client.call(0, &register).await.context("signing up");
    }
    let login = LogIn {
        device,
        ..requests::log_in(&name, &password)
    };
    client.call(0, &login).await.context("signing in")
}
