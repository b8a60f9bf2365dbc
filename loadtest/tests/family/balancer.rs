//! The balancer of `make up`: one address, which goes on when a gateway is killed, and behind which
//! clients are told apart.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use loadtest::{
    client::{Client, Options},
    cluster::{Settings, node_ready, programs, services::START},
    harness::{Harness, Person, eventually, holds, same, scenario_on},
    requests::join_as_guest,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    time::Instant,
};

/// Clients know within seconds that their gateway is gone, and come back to the same address.
const SECONDS: Duration = Duration::from_secs(10);

fn behind_haproxy() -> Result<Settings> {
    Ok(Settings {
        haproxy: Some(programs::haproxy()?),
        ..Settings::default()
    })
}

/// Where everybody goes.
fn front(harness: &Harness) -> Result<SocketAddr> {
    let balancer = harness.cluster.balancer.as_ref();
    let port = balancer.context("there is no balancer")?.port();
    Ok(([127, 0, 0, 1], port).into())
}

/// Somebody who knows no other address.
async fn come(harness: &Harness, name: &str) -> Result<Person> {
    let address = format!("ws://{}", front(harness)?);
    let client = Client::connect(vec![address.clone()], Options::default());
    let signed_in = client.call(0, &join_as_guest()).await?;
    Person::enter(name, signed_in, client.into(), address).await
}

#[tokio::test]
async fn who_knows_one_address_goes_on_when_a_gateway_is_killed() -> Result<()> {
    scenario_on(behind_haproxy()?, async |harness| {
        let (alice, bob) = (come(harness, "alice").await?, come(harness, "bob").await?);
        alice.creates_server("Company").await?;
        bob.joins(&alice.invites().await?).await?;
        for gateway in &harness.cluster.gateways {
            gateway.kill()?;
            let killed = Instant::now();
            let (hers, his) = (
                format!("{} is gone", gateway.name()),
                format!("so it is: {}", gateway.name()),
            );
            alice.send("#general", &hers).await?;
            bob.sees(&hers).await?;
            bob.send("#general", &his).await?;
            alice.sees(&his).await?;
            let took = killed.elapsed();
            holds(took < SECONDS, &format!("it took {took:?}"))?;
            gateway.restart()?;
            node_ready(gateway, START).await?;
        }
        for person in [&alice, &bob] {
            same(&person.client.violations(), &Vec::<String>::new())?;
        }
        Ok(())
    })
    .await
}

/// What a request of a stranger gets, who comes from this address and says these headers.
async fn asks(front: SocketAddr, from: [u8; 4], path: &str, headers: &str) -> Result<String> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let mut stream = socket.connect(front).await?;
    let body = r#"{"nonce":"0123456789abcdef"}"#;
    let request = format!(
        "POST {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn is_limited(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 429")
}

#[tokio::test]
async fn each_address_has_limits_of_its_own_whatever_it_says() -> Result<()> {
    let settings = Settings {
        limits: vec![("CONFAB_STRANGER_RATE", "1")],
        ..behind_haproxy()?
    };
    scenario_on(settings, async |harness| {
        let (front, path) = (front(harness)?, "/api/v1/commands/deployment_info");
        let mut refused = 0;
        for number in 0..40 {
            // Whoever he says he is, he is who he is.
            let headers = format!("Host: x\r\nX-Forwarded-For: 192.0.2.{number}\r\n");
            let answer = asks(front, [127, 0, 0, 2], path, &headers).await?;
            refused += u32::from(is_limited(&answer));
        }
        holds(refused > 10, "an address is whatever it says")?;
        let other = asks(front, [127, 0, 0, 3], path, "Host: x\r\n").await?;
        holds(!is_limited(&other), "all addresses are one")
    })
    .await
}

#[tokio::test]
async fn who_goes_round_the_proxy_is_who_he_is_whatever_he_says() -> Result<()> {
    let settings = Settings {
        limits: vec![("CONFAB_STRANGER_RATE", "1")],
        environment: vec![
            ("CONFAB_TRUSTED_PROXIES", "1".to_owned()),
            ("CONFAB_TRUSTED_PROXY_ADDRESSES", "127.0.0.2".to_owned()),
        ],
        ..Settings::default()
    };
    scenario_on(settings, async |harness| {
        let gateway: SocketAddr = harness.address(0)?.replace("ws://", "").parse()?;
        let path = "/api/v1/commands/deployment_info";
        for (from, trusted) in [([127, 0, 0, 2], true), ([127, 0, 0, 3], false)] {
            let mut refused = 0;
            for number in 0..40 {
                let headers = format!("Host: x\r\nX-Forwarded-For: 192.0.2.{number}\r\n");
                let answer = asks(gateway, from, path, &headers).await?;
                refused += u32::from(is_limited(&answer));
            }
            let says = format!("{refused} of 40 were limited, of {from:?}");
            holds(if trusted { refused == 0 } else { refused > 10 }, &says)?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_page_signs_in_through_it_as_through_a_gateway() -> Result<()> {
    scenario_on(behind_haproxy()?, async |harness| {
        let front = front(harness)?;
        let page = async |host: &str, said: &str| {
            let headers = format!("Host: {host}\r\nOrigin: http://{host}\r\n{said}");
            asks(front, [127, 0, 0, 1], "/api/session/guest", &headers).await
        };
        let here = format!("localhost:{}", front.port());
        let signed_in = page(&here, "").await?;
        holds(
            signed_in.contains("set-cookie: confab-session="),
            &signed_in,
        )?;
        // In clear text from another machine, whatever it says that it came by.
        for said in ["", "X-Forwarded-Proto: https\r\n"] {
            let elsewhere = page("chat.example", said).await?;
            holds(elsewhere.starts_with("HTTP/1.1 403"), &elsewhere)?;
            holds(!elsewhere.contains("set-cookie"), &elsewhere)?;
        }
        log_tells_no_code(harness, &here).await
    })
    .await
}

/// Who reads its log cannot let himself in with the invites of others.
async fn log_tells_no_code(harness: &Harness, host: &str) -> Result<()> {
    let path = "/i/code-of-an-invite?from=code-of-an-invite";
    let headers = format!("Host: {host}\r\n");
    asks(front(harness)?, [127, 0, 0, 1], path, &headers).await?;
    let balancer = harness.cluster.balancer.as_ref();
    let balancer = balancer.context("there is no balancer")?;
    eventually(SECONDS, async || {
        let logged = balancer.log_text().contains(" POST /i\n");
        Ok(holds(logged, "it is not logged"))
    })
    .await?;
    let log = balancer.log_text();
    holds(!log.contains("code-of-an-invite"), &log)
}
