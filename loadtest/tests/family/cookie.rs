//! The cookie of a page, from signing in to its end, as a browser would show it: over TLS, which a
//! proxy before the gateways has ended.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use loadtest::{
    client::link,
    cluster::Settings,
    harness::{Harness, eventually, holds, same, scenario_on, unique},
    random::nonce,
    requests::PASSWORD,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _, http::HeaderValue},
};

const PATIENCE: Duration = Duration::from_secs(10);
/// Over HTTP a token may still be taken for two seconds after its end.
const REMEMBERED: Duration = Duration::from_secs(4);
/// What the proxy says of the page.
const HOST: &str = "chat.example";
const OWN: &str = "https://chat.example";
/// What a browser must be told of it.
const KEPT: &str = "; path=/; max-age=34560000; httponly; samesite=strict; secure";

/// A browser at one gateway, with the cookie that it keeps.
struct Browser<'a> {
    gateway: &'a str,
    cookie: String,
}

/// What a gateway answered.
struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    /// What the browser is told to keep, name and token and then the rest.
    fn set_cookie(&self) -> Option<(&str, &str)> {
        let line = self
            .text
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))?;
        line.split_at_checked(line.find(';')?)
    }
}

impl<'a> Browser<'a> {
    /// Asks as a page of this origin does, or as what has none.
    async fn post(&self, path: &str, origin: Option<&str>, body: &str) -> Result<Answer> {
        let origin = origin
            .map(|origin| format!("Origin: {origin}\r\n"))
            .unwrap_or_default();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: https\r\n{origin}\
             Cookie: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.cookie,
            body.len()
        );
        let mut stream = TcpStream::connect(link::host(self.gateway)?).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut text = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut text)).await??;
        let status = text
            .split_whitespace()
            .nth(1)
            .context("a status")?
            .parse()?;
        Ok(Answer { status, text })
    }

    /// Signs in, and keeps the cookie.
    async fn signs(gateway: &'a str, how: &str, name: &str) -> Result<Self> {
        let mut browser = Self {
            gateway,
            cookie: String::new(),
        };
        let body = format!(
            r#"{{"nonce":"{}","name":"{name}","password":"{PASSWORD}"}}"#,
            nonce()
        );
        let answer = browser
            .post(&format!("/api/session/{how}"), Some(OWN), &body)
            .await?;
        let (cookie, rest) = answer.set_cookie().with_context(|| answer.text.clone())?;
        holds(cookie.starts_with("__Host-confab-session="), cookie)?;
        same(&rest.to_ascii_lowercase().as_str(), &KEPT)?;
        holds(
            answer.text.contains(r#""token":"""#),
            "the page sees no token",
        )?;
        cookie.clone_into(&mut browser.cookie);
        Ok(browser)
    }

    /// Whether a request over HTTP is somebody's.
    async fn is_somebody(&self, origin: Option<&str>) -> Result<bool> {
        let path = "/api/v1/commands/sessions_list?scope=0";
        let answer = self.post(path, origin, "{}").await?;
        match answer.status {
            200 => Ok(true),
            401 | 403 => Ok(false),
            _ => bail!("{}", answer.text),
        }
    }

    /// What becomes of a socket that names an empty token: the first control that is not `hello`, a
    /// close code, or the status of a handshake that failed.
    async fn opens(&self, origin: Option<&str>) -> Result<(String, Option<Socket>)> {
        let mut request = format!("{}/ws", self.gateway).into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("Host", HeaderValue::from_static(HOST));
        headers.insert("X-Forwarded-Proto", HeaderValue::from_static("https"));
        headers.insert("Cookie", self.cookie.parse()?);
        headers.insert(
            "Sec-WebSocket-Protocol",
            HeaderValue::from_static("confab.v1.json"),
        );
        if let Some(origin) = origin {
            headers.insert("Origin", origin.parse()?);
        }
        let stream = TcpStream::connect(link::host(self.gateway)?).await?;
        let mut socket = match client_async(request, stream).await {
            Ok((socket, _response)) => socket,
            Err(Error::Http(response)) => {
                return Ok((response.status().as_u16().to_string(), None));
            }
            Err(error) => return Err(error.into()),
        };
        let identify = r#"{"control":"identify","request":1,"body":{"token":""}}"#;
        socket.send(Message::text(identify)).await?;
        let said = next_of(&mut socket, &["ready", "\"refusal\":1"]).await?;
        Ok((said, Some(socket)))
    }
}

type Socket = WebSocketStream<TcpStream>;

/// Which of these is said first; `closed CODE` when the socket ends before.
async fn next_of(socket: &mut Socket, wanted: &[&str]) -> Result<String> {
    loop {
        let Some(message) = timeout(PATIENCE, socket.next()).await? else {
            return Ok("closed".to_owned());
        };
        match message? {
            Message::Text(text) => {
                if let Some(found) = wanted.iter().find(|wanted| text.contains(**wanted)) {
                    return Ok((*found).to_owned());
                }
            }
            Message::Close(frame) => {
                let code = frame.map_or(1_005, |frame| frame.code.into());
                return Ok(format!("closed {code}"));
            }
            _ => {}
        }
    }
}

/// Waits until the cookie opens nothing over HTTP any more, and finds that it opens no socket.
async fn is_dead(browser: &Browser<'_>) -> Result<()> {
    eventually(REMEMBERED, async || {
        let alive = browser.is_somebody(Some(OWN)).await?;
        Ok(holds(!alive, "a cookie outlives its session"))
    })
    .await?;
    let (said, _socket) = browser.opens(Some(OWN)).await?;
    holds(said != "ready", "a dead cookie opens a socket")
}

async fn play(harness: &Harness) -> Result<()> {
    let (first, second) = (harness.address(0)?, harness.address(1)?);
    let name = unique("anna");
    let laptop = Browser::signs(&first, "register", &name).await?;
    let phone = Browser::signs(&first, "login", &name).await?;
    holds(
        laptop.cookie != phone.cookie,
        "each session has a token of its own",
    )?;
    // The same cookie at another gateway.
    let elsewhere = Browser {
        gateway: &second,
        cookie: laptop.cookie.clone(),
    };

    for browser in [&laptop, &phone, &elsewhere] {
        holds(browser.is_somebody(Some(OWN)).await?, "a page of this host")?;
        same(&browser.opens(Some(OWN)).await?.0.as_str(), &"ready")?;
        for foreign in [
            None,
            Some("https://evil.example"),
            Some("http://chat.example"),
            Some("null"),
        ] {
            holds(
                !browser.is_somebody(foreign).await?,
                &format!("{foreign:?}"),
            )?;
            let (said, _socket) = browser.opens(foreign).await?;
            holds(said != "ready", &format!("{foreign:?} opens a socket"))?;
            let signed_out = browser.post("/api/session/logout", foreign, "{}").await?;
            same(&(signed_out.status, signed_out.set_cookie()), &(403, None))?;
        }
    }

    // One session ends the other: its socket closes, and its cookie is dead at both gateways.
    let (_, socket) = elsewhere.opens(Some(OWN)).await?;
    let mut socket = socket.context("a socket")?;
    let sessions = phone
        .post("/api/v1/commands/sessions_list?scope=0", Some(OWN), "{}")
        .await?;
    let other = first_session(&sessions.text).context("the other session")?;
    let revoke = format!(r#"{{"nonce":"{}","session_id":"{other}"}}"#, nonce());
    let revoked = phone
        .post(
            "/api/v1/commands/session_revoke?scope=0",
            Some(OWN),
            &revoke,
        )
        .await?;
    same(&revoked.status, &200)?;
    same(&next_of(&mut socket, &[]).await?.as_str(), &"closed 4504")?;
    is_dead(&laptop).await?;
    is_dead(&elsewhere).await?;

    // Signing out takes the cookie away, also where its session is over already.
    let body = format!(r#"{{"nonce":"{}"}}"#, nonce());
    for (browser, status) in [(&phone, 200), (&laptop, 401)] {
        let out = browser
            .post("/api/session/logout", Some(OWN), &body)
            .await?;
        same(&out.status, &status)?;
        let (cookie, rest) = out.set_cookie().context("a cookie that is empty")?;
        same(&cookie, &"__Host-confab-session=")?;
        holds(rest.to_ascii_lowercase().contains("max-age=0"), rest)?;
    }
    is_dead(&phone).await
}

/// The id of the session that was opened first.
fn first_session(answer: &str) -> Option<&str> {
    let (_, first) = answer.split_once(r#""session_id":""#)?;
    first.split('"').next()
}

#[tokio::test]
async fn a_cookie_opens_the_doors_for_its_own_page_until_its_session_ends() -> Result<()> {
    let settings = Settings {
        environment: vec![("CONFAB_TRUSTED_PROXIES", "1".to_owned())],
        ..Settings::default()
    };
    scenario_on(settings, play).await
}
