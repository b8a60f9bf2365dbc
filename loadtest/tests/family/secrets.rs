//! What must not rest where it does not belong: passwords and tokens on Redis' disk.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result};
use loadtest::{
    cluster::{Settings, redis_tell},
    harness::{holds, refused, scenario_on, unique},
    requests::{self, join_as_guest},
    transport::Transport,
};
use shared::{
    error::Reason,
    protocol::account::{Authenticate, CreateAccount},
};
use tokio::time::{Instant, sleep};

/// Every byte of the files below a directory.
fn bytes_below(dir: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            bytes.extend(bytes_below(&path)?);
        } else {
            bytes.extend(fs::read(&path).with_context(|| path.display().to_string())?);
        }
    }
    Ok(bytes)
}

fn holds_text(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn no_password_and_no_token_rests_in_redis() -> Result<()> {
    scenario_on(Settings::default(), async |harness| {
        redis_tell(&harness.cluster.redis, "CONFIG SET appendonly yes").await?;
        let (name, password) = (unique("alice"), "a password like no other".to_owned());
        let mut secrets = vec![password.clone(), "a wrong guess at it".to_owned()];
        let register = CreateAccount {
            password: password.clone(),
            ..requests::register(&name)
        };
        secrets.push(harness.client(0).call(0, &register).await?.token);
        for (number, attempt) in [password, "a wrong guess at it".to_owned()]
            .into_iter()
            .enumerate()
        {
            let log_in = requests::log_in(&name, &attempt);
            let result = harness.client(number).call(0, &log_in).await;
            match number {
                0 => secrets.push(result?.token),
                _ => refused(result, Reason::WrongCredentials)?,
            }
        }
        let guest = join_as_guest();
        secrets.push(harness.client(1).call(0, &guest).await?.token);
        // Opens its account, so it is a secret, too.
        secrets.push(guest.nonce);
        for token in secrets.clone() {
            let asked = harness.client(0).call(0, &Authenticate { token }).await;
            drop(asked);
        }
        let bob = harness.registered("bob", 0).await?;
        secrets.push(bob.token.clone());
        // Each transport asks for the session of the token in its own way.
        for transport in Transport::ALL {
            bob.through(transport).await?;
        }
        bob.creates_server("Bob's").await?;
        let carol = harness.guest("carol", 1).await?;
        let code = bob.invites().await?;
        carol.joins(&code).await?;
        secrets.push(carol.token.clone());

        // What Redis did after all of this is in its file: so is what came before.
        redis_tell(&harness.cluster.redis, "SET the-end-of-it reached").await?;
        let dir = harness.cluster.dir().join("redis");
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut bytes = bytes_below(&dir)?;
        while !holds_text(&bytes, "the-end-of-it") && Instant::now() < deadline {
            sleep(Duration::from_millis(50)).await;
            bytes = bytes_below(&dir)?;
        }
        for kept in ["the-end-of-it", "queries:{", "in:{"] {
            holds(holds_text(&bytes, kept), &format!("{kept} is in the file"))?;
        }
        for secret in &secrets {
            let part: String = secret.chars().take(24).collect();
            let found = holds_text(&bytes, &part);
            holds(!found, "a password or a token rests in Redis")?;
        }
        Ok(())
    })
    .await
}
