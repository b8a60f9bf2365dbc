//! Signing in while nothing moves: P2, and P23, that nothing of it rests in clear.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use futures_util::future::join_all;
use shared::{
    error::Reason,
    protocol::account::{Authenticate, CreateAccount, JoinAsGuest, LogIn, SignedIn},
};

use tokio::time::Instant;

use super::trial::Trial;
use crate::{
    client::{CallError, Client, Options},
    cluster::redis_tell,
    http,
    random::nonce,
    requests::{self, join_as_guest},
    transport::{Transport, TransportClient},
};

/// Those who sign in at once.
const PEOPLE: usize = 20;
/// So long that each of them asks several times.
const PAUSE: Duration = Duration::from_secs(5);
/// After this time somebody who signs in asks again.
const PATIENCE: Duration = Duration::from_millis(900);
/// Patience of those who sign in, in all.
const PATIENT: Duration = Duration::from_mins(1);
/// Bytes of a secret that are looked for first.
const BEGIN: usize = 4;
/// What repeats the making of a guest.
const NONCE: &str = "a guest's nonce";
/// What Redis has to have kept, or there was nothing to find: questions, and commands.
const KEPT: [&str; 2] = ["queries:{", "in:{"];

/// P2: Redis takes no writes for longer than anybody waits, so all repeat what they
/// asked; afterwards, all who were answered can come in with the answer.
pub(super) async fn paused(trial: &mut Trial<'_>) -> Result<()> {
    let mut accounts = Vec::new();
    for _ in 0..PEOPLE / 2 {
        accounts.push(Some(registered(trial).await?));
    }
    accounts.resize(PEOPLE, None);
    trial.note(format!("Redis takes no writes for {PAUSE:?}"));
    let pause = format!("CLIENT PAUSE {} WRITE", PAUSE.as_millis());
    redis_tell(&trial.cluster.redis, &pause).await?;
    let gateways = trial.cluster.addresses();
    let signed = accounts.iter().enumerate().map(|(number, account)| {
        let mut gateways = gateways.clone();
        gateways.rotate_left(number % 2);
        let account = account.clone();
        async move { sign_in(&gateways, account).await }
    });
    let signed = join_all(signed).await;
    // What was asked before is over when what is asked now is answered, on every lane.
    for _ in 0..PEOPLE * 2 {
        sign_in(&gateways, None).await.context("a late guest")?;
    }
    let mut dead = 0;
    for signed in signed {
        trial.outcome.counts.sent += 1;
        let Ok(signed) = signed else {
            trial.outcome.counts.unknown += 1;
            continue;
        };
        trial.outcome.counts.acknowledged += 1;
        let entered = enters(&gateways, &signed.token).await?;
        trial.outcome.counts.stored += usize::from(entered);
        dead += usize::from(!entered);
    }
    trial.outcome.counts.lost += dead;
    let answered = trial.outcome.counts.acknowledged;
    trial.demand(answered > 0, || "nobody was signed in".to_owned());
    trial.demand(dead == 0, || {
        format!("{dead} of {answered} were signed in with a token that opens nothing")
    });
    Ok(())
}

async fn enters(gateways: &[String], token: &str) -> Result<bool> {
    let client = Client::connect(gateways.to_vec(), Options::default());
    match client.identify(token).await {
        Ok(_) => Ok(true),
        Err(CallError::Refused(refusal)) if refusal.reason == Reason::Unauthenticated => Ok(false),
        Err(error) => Err(error).context("identifying"),
    }
}

/// Signs in, and asks again over another connection when there is no answer in time:
/// with the same nonce, so it is one signing in.
pub(super) async fn sign_in(
    gateways: &[String],
    account: Option<CreateAccount>,
) -> Result<SignedIn, CallError> {
    let options = Options {
        patience: PATIENCE,
        ..Options::default()
    };
    let nonce = nonce();
    let end = Instant::now() + PATIENT;
    for first in 0_usize.. {
        let mut gateways = gateways.to_vec();
        let first = first % gateways.len().max(1);
        gateways.rotate_left(first);
        let client = Client::connect(gateways, options.clone());
        let signed = if let Some(CreateAccount { name, password, .. }) = &account {
            let log_in = LogIn {
                nonce: nonce.clone(),
                ..requests::log_in(name, password)
            };
            client.call(0, &log_in).await
        } else {
            let guest = JoinAsGuest {
                nonce: nonce.clone(),
                ..join_as_guest()
            };
            client.call(0, &guest).await
        };
        if !matches!(signed, Err(CallError::TimedOut)) || Instant::now() > end {
            return signed;
        }
    }
    Err(CallError::TimedOut)
}

async fn registered(trial: &Trial<'_>) -> Result<CreateAccount> {
    let client = Client::connect(trial.cluster.addresses(), Options::default());
    let register = register();
    client.call(0, &register).await.context("signing up")?;
    Ok(register)
}

fn register() -> CreateAccount {
    CreateAccount {
        password: nonce(),
        ..requests::register(&format!("v-{}", nonce().split_off(12)))
    }
}

/// P23: people sign up and in through every transport, some with wrong words; then every
/// byte that any process keeps is searched.
pub(super) async fn secrets(trial: &mut Trial<'_>) -> Result<()> {
    let mut secrets: Vec<(&str, String)> = Vec::new();
    for transport in Transport::ALL {
        for gateway in &trial.cluster.gateways {
            let address = gateway.address();
            let mut client = TransportClient::open(transport, &address, None).await?;
            let register = register();
            let first = client.call(0, &register).await.context("signing up")?;
            let log_in = |password: &str| requests::log_in(&register.name, password);
            let wrong = nonce();
            let refused = client.call(0, &log_in(&wrong)).await;
            refused
                .err()
                .context("a wrong password opens the account")?;
            let second = client.call(0, &log_in(&register.password)).await;
            let guest = join_as_guest();
            let third = client.call(0, &guest).await.context("a guest")?;
            let guess = nonce() + &nonce();
            // Over HTTP the token is shown with a request only.
            http::get(address.trim_start_matches("ws://"), "/api/v1/commands").await?;
            for token in [
                first.token,
                second.context("signing in")?.token,
                third.token,
                guess.clone(),
            ] {
                let opened = TransportClient::open(transport, &address, Some(&token)).await;
                if token != guess {
                    opened?;
                }
                let whose = Authenticate {
                    token: token.clone(),
                };
                // That nobody has the token is an answer, too.
                drop(client.call(0, &whose).await);
                secrets.push(("a token", token));
            }
            // Opens its account, so it is a secret, too.
            secrets.push((NONCE, guest.nonce));
            secrets.push(("a password", register.password));
            secrets.push(("a wrong password", wrong));
        }
    }
    let members = trial.fixture(2).await?;
    secrets.extend(members.tokens.into_iter().map(|token| ("a token", token)));
    trial.outcome.counts.sent = secrets.len();
    trial.outcome.counts.acknowledged = secrets.len();
    trial.note(format!("{} secrets were told", secrets.len()));
    redis_tell(&trial.cluster.redis, "SAVE").await?;
    trial
        .cluster
        .sql(async |client| client.batch_execute("CHECKPOINT").await)
        .await?;
    for node in trial.ours() {
        let host = format!("127.0.0.1:{}", node.ops_port());
        let page = http::get(&host, "/metrics").await?.body;
        fs::write(
            trial.cluster.dir().join(format!("{}.metrics", node.name())),
            page,
        )?;
    }
    search(trial, &secrets)
}

fn search(trial: &mut Trial<'_>, secrets: &[(&str, String)]) -> Result<()> {
    let mut needles: Vec<(&str, Vec<u8>)> = Vec::new();
    for (what, secret) in secrets {
        needles.push((what, secret.clone().into_bytes()));
        needles.extend(unhex(secret).map(|bytes| (*what, bytes)));
    }
    needles.extend(KEPT.map(|kept| (kept, kept.as_bytes().to_vec())));
    let mut kept = HashSet::new();
    let begins: HashSet<&[u8]> = needles.iter().filter_map(|(_, n)| n.get(..BEGIN)).collect();
    let firsts: HashSet<u8> = begins
        .iter()
        .filter_map(|begin| begin.first().copied())
        .collect();
    let mut read = 0;
    for path in files(trial.cluster.dir())? {
        // A file may have gone since it was listed.
        let Ok(bytes) = fs::read(&path) else { continue };
        read += bytes.len();
        let spots = bytes.windows(BEGIN).enumerate();
        let mut found = HashSet::new();
        let first = |begin: &[u8]| begin.first().is_some_and(|byte| firsts.contains(byte));
        for (at, _) in spots.filter(|(_, begin)| first(begin) && begins.contains(begin)) {
            let rest = bytes.get(at..).unwrap_or_default();
            let here = needles
                .iter()
                .filter(|(_, needle)| rest.starts_with(needle));
            found.extend(here.map(|(what, _)| *what));
        }
        let in_redis = path.starts_with(trial.cluster.dir().join("redis"));
        for what in found {
            if KEPT.contains(&what) {
                kept.extend(in_redis.then_some(what));
                continue;
            }
            // Postgres keeps it with its account.
            if what == NONCE && !in_redis {
                continue;
            }
            let file = path
                .strip_prefix(trial.cluster.dir())
                .unwrap_or(&path)
                .display();
            trial.outcome.counts.wrong += 1;
            trial.outcome.find(format!("{what} is in clear in {file}"));
        }
    }
    trial.measured(format!("{read} bytes were searched"));
    trial.demand(kept.len() == KEPT.len(), || {
        format!("of what Redis was told, only {kept:?} is there to be searched")
    });
    Ok(())
}

/// What hexadecimal digits stand for.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.is_file() {
            found.push(path);
        }
    }
    Ok(found)
}
