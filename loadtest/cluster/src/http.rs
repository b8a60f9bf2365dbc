//! The least of HTTP that the tests need: one request, one connection, and a response of known
//! length.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends `GET path` to `host` (`address:port`).
pub async fn get(host: &str, path: &str) -> Result<Response> {
    exchange(
        host,
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").into_bytes(),
    )
    .await
}

/// The status that a request of HTTP 1.0 is answered with, whatever else comes. It is of this user with his password,
/// or of nobody.
pub async fn status(
    host: &str,
    (method, path): (&str, &str),
    login: Option<(&str, &str)>,
    body: &str,
) -> Result<u16> {
    let mut stream = TcpStream::connect(host).await?;
    let length = body.len();
    let authorization = login
        .map(|(user, password)| STANDARD.encode(format!("{user}:{password}")))
        .map(|login| format!("Authorization: Basic {login}\r\n"))
        .unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: {host}\r\n{authorization}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1);
    status
        .and_then(|status| status.parse().ok())
        .context("the response has no status")
}

/// Sends `POST path` with a JSON body and, if there is one, a bearer token.
pub async fn post(host: &str, path: &str, token: Option<&str>, body: &[u8]) -> Result<Response> {
    let authorization = token
        .map(|token| format!("Authorization: Bearer {token}\r\n"))
        .unwrap_or_default();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\n{authorization}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    exchange(host, request).await
}

/// Sends the bytes and reads the response to its end.
pub async fn exchange(host: &str, request: Vec<u8>) -> Result<Response> {
    let talk = async {
        let mut stream = TcpStream::connect(host).await?;
        stream.write_all(&request).await?;
        let mut bytes = Vec::new();
        // A server that refuses a large body may reset the connection after it
        // answered: what came before the reset counts.
        if let Err(error) = stream.read_to_end(&mut bytes).await
            && bytes.is_empty()
        {
            return Err(error.into());
        }
        read(&bytes)
    };
    timeout(PATIENCE, talk)
        .await
        .map_err(|_elapsed| anyhow!("{host} did not answer in time"))?
        .with_context(|| format!("asking {host} over HTTP"))
}

fn read(bytes: &[u8]) -> Result<Response> {
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .context("the response has no end of headers")?;
    let (head, body) = bytes.split_at(end);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head
        .split_whitespace()
        .nth(1)
        .and_then(|status| status.parse().ok())
        .context("the response has no status")?;
    let body = body.get(4..).unwrap_or_default().to_vec();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .context("the response does not say its length")?;
    if length.trim().parse() != Ok(body.len()) {
        bail!("{} bytes of{length} came", body.len());
    }
    Ok(Response { status, body })
}
