//! One WebSocket to one gateway, without any memory of earlier ones.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use serde::Serialize;
use shared::{
    frame::opcode,
    protocol::{Request, control::Identify},
};
use tokio::{
    net::{TcpSocket, TcpStream, lookup_host},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        http::HeaderValue,
        protocol::{CloseFrame, frame::Utf8Bytes},
    },
};

use super::{
    CallError,
    incoming::{Incoming, read_binary, read_text},
    liveness::DIALING,
};
use crate::requests;

/// A gateway on loopback answers in milliseconds; one that is overloaded or
/// frozen must not hold a client for longer than this.
const PATIENCE: Duration = Duration::from_secs(5);
/// The close code of RFC 6455 of who is done.
pub const GOODBYE: u16 = 1_000;

/// Which sub-protocol a link speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `confab.v1.msgpack`, binary frames.
    MessagePack,
    /// `confab.v1.json`, text frames.
    Json,
}

impl Dialect {
    const fn name(self) -> &'static str {
        match self {
            Self::MessagePack => "confab.v1.msgpack",
            Self::Json => "confab.v1.json",
        }
    }
}

/// How a link ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// With a close frame and its code.
    #[error("closed with {0}")]
    Closed(u16),
    /// Without one.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The gateway sent what is no frame of the protocol.
    #[error("the gateway sent what is no frame: {0}")]
    NoFrame(String),
}

/// An open WebSocket.
#[derive(Debug)]
pub struct Link {
    socket: WebSocketStream<TcpStream>,
    dialect: Dialect,
}

impl Link {
    /// Connects to `address` (`ws://host:port`, the path `/ws` is added when there is none), and
    /// speaks MessagePack.
    pub async fn open(address: &str) -> Result<Self> {
        Self::open_with(address, Dialect::MessagePack, (None, None)).await
    }

    /// The same in either dialect, from another address of this machine, or with a receive buffer
    /// of so many bytes: a small one makes a slow reader felt soon.
    pub async fn open_with(
        address: &str,
        dialect: Dialect,
        socket: (Option<Ipv4Addr>, Option<u32>),
    ) -> Result<Self> {
        let path = if address.trim_start_matches("ws://").contains('/') {
            ""
        } else {
            "/ws"
        };
        let mut request = format!("{address}{path}").into_client_request()?;
        request.headers_mut().insert(
            "Sec-WebSocket-Protocol",
            HeaderValue::from_static(dialect.name()),
        );
        let opening = async {
            let stream = tcp(host(address)?, socket).await?;
            stream.set_nodelay(true)?;
            let (socket, _response) = client_async(request, stream)
                .await
                .with_context(|| format!("opening a WebSocket to {address}"))?;
            Ok(Self { socket, dialect })
        };
        timeout(PATIENCE, opening)
            .await
            .map_err(|_elapsed| anyhow!("{address} did not answer in time"))?
    }

    /// Sends a message; a gateway that takes none for some time counts as gone.
    pub async fn send(&mut self, message: Message) -> Result<(), Ended> {
        match timeout(PATIENCE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Ended::Broken(error.to_string())),
            Err(_elapsed) => Err(Ended::Broken("the gateway reads nothing".to_owned())),
        }
    }

    /// Sends a request in MessagePack.
    pub async fn send_request<R: Request>(
        &mut self,
        number: u32,
        scope: u64,
        request: &R,
    ) -> Result<(), Ended> {
        let frame = requests::encode_request(number, scope, request);
        self.send(Message::binary(frame)).await
    }

    /// Sends a control frame in MessagePack.
    pub async fn send_control<T: Serialize>(&mut self, opcode: u16, body: &T) -> Result<(), Ended> {
        let frame = requests::encode_control(opcode, body);
        self.send(Message::binary(frame)).await
    }

    /// Opens the session of a token on a link that is new; without one only the greeting is awaited.
    pub async fn open_session(&mut self, token: Option<&str>) -> Result<()> {
        self.expect_control(opcode::HELLO).await?;
        let Some(token) = token.map(str::to_owned) else {
            return Ok(());
        };
        let identify = Identify { token };
        match self.dialect {
            Dialect::MessagePack => self.send_control(opcode::IDENTIFY, &identify).await?,
            Dialect::Json => {
                let body = serde_json::to_string(&identify)?;
                let frame = format!(r#"{{"control":"identify","body":{body}}}"#);
                self.send(Message::text(frame)).await?;
            }
        }
        self.expect_control(opcode::READY).await.map(drop)
    }

    /// Waits for a control frame; a refusal or anything else is an error.
    pub async fn expect_control(&mut self, wanted: u16) -> Result<Bytes> {
        match self.next_soon().await.context("waiting for the session")? {
            Incoming::Control { opcode, body } if opcode == wanted => Ok(body),
            Incoming::Refusal { refusal, .. } => Err(CallError::Refused(refusal).into()),
            other => bail!("control frame {wanted} was due, not {other:?}"),
        }
    }

    /// Says that this end is done, and waits until the gateway has heard that. A gateway that does
    /// not answer finds the connection closed.
    pub async fn say_goodbye(&mut self) {
        let close = CloseFrame {
            code: GOODBYE.into(),
            reason: Utf8Bytes::default(),
        };
        if self.send(Message::Close(Some(close))).await.is_ok() {
            let heard = async { while self.next().await.is_ok() {} };
            drop(timeout(PATIENCE, heard).await);
        }
    }

    /// Waits for the next frame. Nothing is lost when the wait is given up.
    pub async fn next(&mut self) -> Result<Incoming, Ended> {
        loop {
            let frame = match self.socket.next().await {
                Some(Ok(Message::Binary(bytes))) => {
                    read_binary(&bytes).ok_or_else(|| no_frame(&bytes))?
                }
                Some(Ok(Message::Text(text))) => {
                    read_text(&text).ok_or_else(|| Ended::NoFrame(text.to_string()))?
                }
                Some(Ok(Message::Close(Some(close)))) => {
                    return Err(Ended::Closed(close.code.into()));
                }
                Some(Ok(Message::Close(None))) => {
                    return Err(Ended::Broken("closed without a code".to_owned()));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(error)) => return Err(Ended::Broken(error.to_string())),
                None => return Err(Ended::Broken("the stream ended".to_owned())),
            };
            return Ok(frame);
        }
    }

    /// Waits for the next frame, but not for ever.
    pub async fn next_soon(&mut self) -> Result<Incoming, Ended> {
        timeout(PATIENCE * 2, self.next())
            .await
            .unwrap_or_else(|_elapsed| Err(Ended::Broken("nothing came in time".to_owned())))
    }
}

fn no_frame(bytes: &Bytes) -> Ended {
    Ended::NoFrame(format!("{:x?}", bytes.get(..40).unwrap_or(bytes)))
}

/// The `host:port` of `ws://host:port/path` or `http://host:port/path`.
pub fn host(address: &str) -> Result<&str> {
    let Some(rest) = address
        .strip_prefix("ws://")
        .or_else(|| address.strip_prefix("http://"))
    else {
        bail!("{address} does not begin with ws:// (TLS ends at the load balancer)");
    };
    Ok(rest.split('/').next().unwrap_or(rest))
}

/// Connects from an address, with a receive buffer, or as it comes.
async fn tcp(host: &str, way: (Option<Ipv4Addr>, Option<u32>)) -> Result<TcpStream> {
    let context = || format!("connecting to {host}");
    let (source, receive_buffer) = way;
    let address: SocketAddr = lookup_host(host)
        .await?
        .next()
        .ok_or_else(|| anyhow!("{host} has no address"))?;
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(source) = source {
        socket.bind((source, 0).into())?;
    }
    let dialed = timeout(DIALING, socket.connect(address)).await;
    dialed.with_context(context)?.with_context(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_answers_nothing_is_given_up_soon() {
        // Whose queue is full, its kernel does not answer.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut filling = Vec::new();
        while let Ok(Ok(stream)) =
            timeout(Duration::from_millis(200), TcpStream::connect(&address)).await
        {
            filling.push(stream);
        }
        let began = std::time::Instant::now();
        assert!(tcp(&address, (None, None)).await.is_err());
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    }

    #[test]
    fn the_host_of_an_address() {
        assert_eq!(host("ws://127.0.0.1:80").unwrap(), "127.0.0.1:80");
        assert_eq!(host("ws://chat:80/ws").unwrap(), "chat:80");
        assert!(host("wss://chat").is_err());
    }
}
