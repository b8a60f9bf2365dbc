//! A client that speaks MessagePack, or JSON as text.

use std::{net::SocketAddr, ops::RangeInclusive, time::Duration};

use futures_util::{SinkExt, StreamExt};
use shared::{
    error::Refusal,
    frame::{Frame, ServerFrame, opcode},
    protocol::{
        control::{
            Cursor, Gap, Heartbeat, Hello, Identify, Ready, Reconnect, Resume, Sight, TopicSeq,
        },
        decode, encode,
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        handshake::client::Request,
        http::{HeaderName, HeaderValue, StatusCode},
    },
};

/// A connection.
pub(crate) struct Client<S = MaybeTlsStream<TcpStream>> {
    socket: WebSocketStream<S>,
}

/// What a client gets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Got {
    Hello(Hello),
    Ready(Ready),
    Heartbeat(u64),
    Cursor(Vec<TopicSeq>),
    Reconnect(u64),
    Gap(Gap),
    Sight(Sight),
    Reply(u32, Vec<u8>),
    Refusal(u32, Refusal),
    /// Topic and place.
    Event(u64, u64),
    Text(String),
    Closed(u16),
}

impl Got {
    pub(crate) fn cursor(topic: u64, seq: u64) -> Self {
        Self::Cursor(vec![TopicSeq { topic, seq }])
    }

    pub(crate) fn gap(topic: u64, seq: u64) -> Self {
        Self::Gap(Gap { topic, seq })
    }
}

/// How long to wait for anything.
const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) fn request(address: SocketAddr, headers: &[(&'static str, &str)]) -> Request {
    let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    request
}

/// The status that a handshake is refused with.
pub(crate) async fn refused(request: Request) -> StatusCode {
    match connect_async(request).await {
        Err(Error::Http(response)) => response.status(),
        other => panic!("not refused: {other:?}"),
    }
}

impl Client {
    /// Connects, without a session.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let (socket, _) = connect_async(request(address, &[])).await.unwrap();
        let mut client = Self { socket };
        assert!(matches!(client.next().await, Got::Hello(_)));
        client
    }

    /// Connects as a page does, with these headers, and names no token.
    pub(crate) async fn open_page(
        address: SocketAddr,
        headers: &[(&'static str, &str)],
        resume: bool,
    ) -> Self {
        let (socket, _) = connect_async(request(address, headers)).await.unwrap();
        let mut client = Self { socket };
        assert!(matches!(client.next().await, Got::Hello(_)));
        let token = String::new();
        if resume {
            let resume = Resume {
                token,
                epoch: "epoch".to_owned(),
                topics: Vec::new(),
            };
            client.send(opcode::RESUME, 0, 0, &encode(&resume)).await;
        } else {
            let identify = Identify { token };
            client
                .send(opcode::IDENTIFY, 0, 0, &encode(&identify))
                .await;
        }
        client
    }

    /// Connects, whatever the gateway says first.
    pub(crate) async fn connect_any(address: SocketAddr) -> Self {
        let (socket, _) = connect_async(request(address, &[])).await.unwrap();
        Self { socket }
    }

    /// A client that opens a session with a token of at most 31 bytes and then reads and
    /// answers nothing.
    pub(crate) async fn sleeper(address: SocketAddr, token: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let mut stream = socket.connect(address).await.unwrap();
        let handshake = "GET /ws HTTP/1.1\r\nhost: gateway\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
        stream.write_all(handshake.as_bytes()).await.unwrap();
        // Everything up to "hello", then an identify frame with an empty mask.
        let mut bytes = [0; 512];
        assert!(stream.read(&mut bytes).await.unwrap() > 0);
        let token = super::token(token);
        let length = u8::try_from(token.len()).unwrap();
        let header = [0x94, 4, 0, 0, 0x91, 0xd9, length];
        let frame = [&header[..], token.as_bytes()].concat();
        let [high, low] = u16::try_from(frame.len()).unwrap().to_be_bytes();
        let frame = [&[0x82, 0xfe, high, low, 0, 0, 0, 0][..], &frame].concat();
        stream.write_all(&frame).await.unwrap();
        stream
    }

    /// Connects with the JSON sub-protocol.
    pub(crate) async fn connect_json(address: SocketAddr) -> Self {
        let request = request(address, &[("sec-websocket-protocol", "confab.v1.json")]);
        let (socket, response) = connect_async(request).await.unwrap();
        assert_eq!(
            response.headers()["sec-websocket-protocol"],
            "confab.v1.json"
        );
        Self { socket }
    }

    /// Connects and opens a session.
    pub(crate) async fn open(address: SocketAddr, token: &str) -> (Self, Ready) {
        let mut client = Self::connect(address).await;
        client.identify(token).await;
        let ready = client.ready().await;
        (client, ready)
    }

    /// Connects and resumes a session.
    pub(crate) async fn resume(address: SocketAddr, token: &str, places: &[(u64, u64)]) -> Self {
        let mut client = Self::connect(address).await;
        let resume = Resume {
            token: super::token(token),
            epoch: "epoch".to_owned(),
            topics: places
                .iter()
                .map(|(topic, seq)| TopicSeq {
                    topic: *topic,
                    seq: *seq,
                })
                .collect(),
        };
        client.send(opcode::RESUME, 0, 0, &encode(&resume)).await;
        client
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// A client on a connection that is a WebSocket already.
    pub(crate) const fn over(socket: WebSocketStream<S>) -> Self {
        Self { socket }
    }

    pub(crate) async fn identify(&mut self, token: &str) {
        let token = super::token(token);
        self.send(opcode::IDENTIFY, 0, 0, &encode(&Identify { token }))
            .await;
    }

    pub(crate) async fn ready(&mut self) -> Ready {
        match self.next().await {
            Got::Ready(ready) => ready,
            other => panic!("not ready: {other:?}"),
        }
    }

    pub(crate) async fn heartbeat(&mut self, number: u64) {
        self.send(
            opcode::HEARTBEAT,
            0,
            0,
            &encode(&Heartbeat { number, idle: None }),
        )
        .await;
    }

    pub(crate) async fn send(&mut self, opcode: u16, request: u32, scope: u64, body: &[u8]) {
        let frame = Frame {
            opcode,
            request,
            scope,
            body,
        };
        self.raw(Message::binary(frame.write())).await;
    }

    /// Sends several requests in one write.
    pub(crate) async fn all(
        &mut self,
        opcode: u16,
        requests: RangeInclusive<u32>,
        scope: u64,
        body: &[u8],
    ) {
        for request in requests {
            let frame = Frame {
                opcode,
                request,
                scope,
                body,
            };
            let message = Message::binary(frame.write());
            self.socket.feed(message).await.unwrap();
        }
        self.socket.flush().await.unwrap();
    }

    pub(crate) async fn raw(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    pub(crate) async fn try_raw(&mut self, message: Message) -> bool {
        self.socket.send(message).await.is_ok()
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Got {
        let next = timeout(PATIENCE, self.socket.next())
            .await
            .expect("nothing came");
        match next {
            Some(Ok(Message::Binary(bytes))) => read(&bytes),
            Some(Ok(Message::Text(text))) => Got::Text(text.to_string()),
            Some(Ok(Message::Close(frame))) => {
                Got::Closed(frame.map_or(0, |frame| frame.code.into()))
            }
            // Answered by the library.
            Some(Ok(Message::Ping(_))) => Box::pin(self.next()).await,
            None => Got::Closed(0),
            other => panic!("unexpected: {other:?}"),
        }
    }

    /// The next frames are these.
    pub(crate) async fn expect_all(&mut self, expected: impl IntoIterator<Item = Got>) {
        for expected in expected {
            assert_eq!(self.next().await, expected);
        }
    }

    /// The next frame that is no cursor.
    pub(crate) async fn next_but_cursors(&mut self) -> Got {
        loop {
            match self.next().await {
                Got::Cursor(_) => {}
                other => return other,
            }
        }
    }

    /// The places of the next events of a topic; fails when anything but
    /// cursors comes between.
    pub(crate) async fn events(&mut self, topic: u64, count: usize) -> Vec<u64> {
        let mut seqs = Vec::new();
        while seqs.len() < count {
            match self.next_but_cursors().await {
                Got::Event(of, seq) if of == topic => seqs.push(seq),
                other => panic!("after {seqs:?}: {other:?}"),
            }
        }
        seqs
    }

    /// Whether nothing was queued for the client up to now: the answer to a
    /// heartbeat is the next thing that comes.
    pub(crate) async fn is_quiet(&mut self, number: u64) {
        self.heartbeat(number).await;
        assert_eq!(self.next_but_cursors().await, Got::Heartbeat(number));
    }

    /// The close code that ends the connection.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Got::Closed(code) = self.next().await {
                return code;
            }
        }
    }

    /// The next text of a JSON connection.
    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Got::Text(text) => text,
            other => panic!("no text: {other:?}"),
        }
    }
}

fn read(bytes: &[u8]) -> Got {
    match ServerFrame::read(bytes) {
        Some(ServerFrame::Reply { request, body }) => return Got::Reply(request, body.to_vec()),
        Some(ServerFrame::Refusal { request, refusal }) => return Got::Refusal(request, refusal),
        Some(ServerFrame::Event { topic, seq, .. }) => return Got::Event(topic, seq),
        None => {}
    }
    // [opcode, body] with an opcode below 16: two bytes and the body.
    let (head, body) = bytes.split_at(2);
    match u16::from(head[1]) {
        opcode::HELLO => Got::Hello(decode(body).unwrap()),
        opcode::READY => Got::Ready(decode(body).unwrap()),
        opcode::HEARTBEAT => Got::Heartbeat(decode::<Heartbeat>(body).unwrap().number),
        opcode::CURSOR => Got::Cursor(decode::<Cursor>(body).unwrap().topics),
        opcode::RECONNECT => Got::Reconnect(decode::<Reconnect>(body).unwrap().delay_ms),
        opcode::GAP => Got::Gap(decode(body).unwrap()),
        opcode::SIGHT => Got::Sight(decode(body).unwrap()),
        other => panic!("opcode {other}"),
    }
}
