//! One HTTP request on a connection of its own.

use std::{fmt::Write, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends a request; answers the status, the headers in lower case, and the body.
pub(crate) async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, String, String) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    if headers.iter().all(|(name, _)| *name != "host") {
        request.push_str("host: gateway\r\n");
    }
    for (name, value) in headers {
        // Tests name tokens; what is sent is one that a worker could have made.
        let value = value.strip_prefix("Bearer ").map_or_else(
            || (*value).to_owned(),
            |name| format!("Bearer {}", super::token(name)),
        );
        write!(request, "{name}: {value}\r\n").unwrap();
    }
    request.push_str("\r\n");
    request.push_str(body);
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        head.to_lowercase(),
        body.to_owned(),
    )
}
