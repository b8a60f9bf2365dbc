//! The three transports of the cluster, seen as one: a row, a scope, a body.
//!
//! Over JSON a request is `{"command":"message_new","request":1,"scope":"123",
//! "body":{…}}`, a reply `{"reply":1,"body":…}`, a refusal `{"refusal":1,"code":12,
//! "reason":"forbidden","detail":…,"retry_after":…}`, an event `{"event":
//! "message_created","topic":"…","seq":1,"body":{…}}`, a control frame
//! `{"control":"ready","body":{…}}`. Over HTTP the body of
//! `POST /api/v1/commands/{name}?scope=ID` is the command's, the body of a 200
//! the reply's, and that of any other status the refusal without its number.

use anyhow::Result;
use serde::Deserialize;
use shared::{
    error::{Reason, Refusal},
    frame::Frame,
    protocol::{self, CodedRow, Request},
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    client::{
        CallError,
        incoming::Incoming,
        link::{Dialect, Link, host},
    },
    http,
};

/// A transport of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket with binary frames.
    MessagePack,
    /// A WebSocket with text frames.
    Json,
    /// One HTTP request per command.
    Http,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::MessagePack, Self::Json, Self::Http];
}

/// A caller that went in over one transport and reports all that is said there;
/// unlike a [`crate::client::Client`] it repeats nothing.
#[derive(Debug)]
pub struct TransportClient {
    transport: Transport,
    address: String,
    token: Option<String>,
    link: Option<Link>,
    last_request: u32,
}

impl TransportClient {
    /// Goes in at `address` (`ws://host:port`), with a token or without.
    pub async fn open(transport: Transport, address: &str, token: Option<&str>) -> Result<Self> {
        let mut client = Self {
            transport,
            address: address.to_owned(),
            token: token.map(str::to_owned),
            link: None,
            last_request: 0,
        };
        let dialect = match transport {
            Transport::MessagePack => Dialect::MessagePack,
            Transport::Json => Dialect::Json,
            Transport::Http => return Ok(client),
        };
        let mut link = Link::open_with(address, dialect, (None, None)).await?;
        link.open_session(token).await?;
        client.link = Some(link);
        Ok(client)
    }

    /// The link below, for frames that no transport would write.
    pub const fn link(&mut self) -> Option<&mut Link> {
        self.link.as_mut()
    }

    /// Sends a request and waits for its reply.
    pub async fn call<R: Request>(
        &mut self,
        scope: u64,
        request: &R,
    ) -> Result<R::Reply, CallError> {
        let body = self
            .ask(&CodedRow::of::<R>(), scope, &protocol::encode(request))
            .await?;
        protocol::decode_told(&body).map_err(|_refusal| CallError::Malformed)
    }

    /// Sends a MessagePack body in the form of this transport, and answers with the
    /// reply's MessagePack body.
    pub async fn ask(
        &mut self,
        row: &CodedRow,
        scope: u64,
        body: &[u8],
    ) -> Result<Vec<u8>, CallError> {
        if self.transport == Transport::MessagePack {
            return self.ask_binary(row.opcode, scope, body).await;
        }
        let json = (row.request.to_json)(body).map_err(|_refusal| CallError::Malformed)?;
        let reply = self.ask_json(row.name, scope, &json).await?;
        (row.reply.from_json)(&reply).map_err(|_refusal| CallError::Malformed)
    }

    /// Sends any opcode with any body over a binary WebSocket.
    pub async fn ask_binary(
        &mut self,
        opcode: u16,
        scope: u64,
        body: &[u8],
    ) -> Result<Vec<u8>, CallError> {
        self.last_request += 1;
        let frame = binary(opcode, self.last_request, scope, body);
        self.exchange(frame).await
    }

    /// Sends any command with any JSON, over HTTP or in a text frame.
    pub async fn ask_json(
        &mut self,
        name: &str,
        scope: u64,
        body: &str,
    ) -> Result<Vec<u8>, CallError> {
        if self.transport == Transport::Http {
            return self.ask_http(name, scope, body.as_bytes()).await;
        }
        self.last_request += 1;
        let request = self.last_request;
        let frame = format!(
            r#"{{"command":"{name}","request":{request},"scope":"{scope}","body":{body}}}"#
        );
        self.exchange(Message::text(frame)).await
    }

    async fn exchange(&mut self, message: Message) -> Result<Vec<u8>, CallError> {
        let wanted = self.last_request;
        let link = self.link.as_mut().ok_or(CallError::Disconnected)?;
        link.send(message).await?;
        loop {
            match link.next_soon().await? {
                Incoming::Reply { request, body } if request == wanted => return Ok(body.into()),
                Incoming::Refusal { request, refusal } if request == wanted => {
                    return Err(CallError::Refused(refusal));
                }
                // Events and control frames come in between.
                _ => {}
            }
        }
    }

    /// Sends any command with any bytes over HTTP.
    pub async fn ask_http(
        &self,
        name: &str,
        scope: u64,
        body: &[u8],
    ) -> Result<Vec<u8>, CallError> {
        let path = format!("/api/v1/commands/{name}?scope={scope}");
        let host = host(&self.address).map_err(|_error| CallError::Disconnected)?;
        let response = http::post(host, &path, self.token.as_deref(), body)
            .await
            .map_err(|_error| CallError::Disconnected)?;
        if response.status == 200 {
            return Ok(response.body);
        }
        let refusal: Refused =
            serde_json::from_slice(&response.body).map_err(|_error| CallError::Malformed)?;
        let reason = Reason::from_code(refusal.code).ok_or(CallError::Malformed)?;
        Err(CallError::Refused(Refusal {
            reason,
            detail: refusal.detail,
            retry_after: refusal.retry_after,
        }))
    }
}

#[derive(Deserialize)]
struct Refused {
    code: u16,
    detail: Option<String>,
    retry_after: Option<u64>,
}

/// A binary frame of a client.
pub fn binary(opcode: u16, request: u32, scope: u64, body: &[u8]) -> Message {
    let frame = Frame {
        opcode,
        request,
        scope,
        body,
    };
    Message::binary(frame.write())
}
