//! A push service, as browsers have theirs: it takes pushes over HTTPS, refuses who does not sign for it, and opens
//! what comes with the keys of the browser that it is for. What it answers is said beforehand.

mod open;
mod token;

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response, StatusCode, body::Incoming, header, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    sync::Notify,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

pub use open::BrowserKeys;

/// A certificate for 127.0.0.1 and its key, good for nothing but tests.
const CERTIFICATE: &str = include_str!("tls.pem");
const KEY: &str = include_str!("tls.key");
/// Bytes of a push: what the services of browsers take.
const MAX_PUSH: usize = 4_096;
/// How long is waited for a push.
const PATIENCE: Duration = Duration::from_secs(20);

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// When to come again, in seconds.
    pub retry_after: Option<u32>,
    /// How long it takes.
    pub after: Duration,
}

impl Answer {
    /// At once.
    pub const fn status(status: u16) -> Self {
        Self {
            status,
            retry_after: None,
            after: Duration::ZERO,
        }
    }
}

/// A push that was taken and opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// What it tells.
    pub body: Vec<u8>,
    /// What it replaces.
    pub topic: Option<String>,
    /// How long it may wait, in seconds.
    pub ttl_s: u32,
    /// How soon the browser is woken.
    pub urgency: String,
}

/// A browser that has subscribed.
#[derive(Debug)]
pub struct Browser {
    /// Its address at the service.
    pub endpoint: String,
    /// Its public key, in base64url.
    pub p256dh: String,
    /// What it shares with who sends, in base64url.
    pub auth: String,
    path: String,
}

struct Subscriber {
    keys: BrowserKeys,
    /// Whose pushes it takes.
    sender: Vec<u8>,
    pushes: Vec<Push>,
    /// What comes next; when nothing is left, 201.
    answers: VecDeque<Answer>,
    /// All requests, taken or not.
    requests: u32,
}

#[derive(Default)]
struct State {
    subscribers: Mutex<HashMap<String, Subscriber>>,
    arrived: Notify,
    refused: AtomicU32,
}

/// The service.
pub struct PushService {
    port: u16,
    state: Arc<State>,
    serving: JoinHandle<()>,
}

impl Drop for PushService {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl PushService {
    /// Starts it on a port of 127.0.0.1.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State::default());
        let serving = tokio::spawn(serve(listener, acceptor()?, state.clone(), port));
        Ok(Self {
            port,
            state,
            serving,
        })
    }

    /// Where it is.
    pub fn origin(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// What lets the workers of a cluster reach it, and nothing else on this machine.
    pub fn settings(&self, keys: &str) -> Vec<(&'static str, String)> {
        vec![
            ("CONFAB_PUSH_KEYS", keys.to_owned()),
            (
                "CONFAB_PUSH_CONTACT",
                "mailto:operator@example.com".to_owned(),
            ),
            ("CONFAB_PUSH_SERVICES", "127.0.0.1".to_owned()),
            ("CONFAB_OUTBOUND_NETWORKS", "127.0.0.1/32".to_owned()),
            ("CONFAB_OUTBOUND_PORTS", self.port.to_string()),
        ]
    }

    /// Who vouches for it, as a file that holds it.
    pub const fn certificate() -> &'static str {
        CERTIFICATE
    }

    /// A browser subscribes for whoever has this public key.
    pub fn subscribe(&self, sender: &str) -> Result<Browser> {
        let keys = BrowserKeys::generate()?;
        let sender = URL_SAFE_NO_PAD
            .decode(sender)
            .context("the key of the sender")?;
        let mut subscribers = self.subscribers();
        let path = format!("/push/{}", subscribers.len());
        let browser = Browser {
            endpoint: format!("{}{path}", self.origin()),
            p256dh: URL_SAFE_NO_PAD.encode(keys.public()),
            auth: URL_SAFE_NO_PAD.encode(keys.auth()),
            path: path.clone(),
        };
        subscribers.insert(
            path,
            Subscriber {
                keys,
                sender,
                pushes: Vec::new(),
                answers: VecDeque::new(),
                requests: 0,
            },
        );
        Ok(browser)
    }

    /// Says what the next pushes to a browser are answered.
    pub fn will_answer(&self, browser: &Browser, answers: impl IntoIterator<Item = Answer>) {
        if let Some(subscriber) = self.subscribers().get_mut(&browser.path) {
            subscriber.answers.extend(answers);
        }
    }

    /// What a browser got so far, and how many requests were made for it.
    pub fn pushes_of(&self, browser: &Browser) -> (Vec<Push>, u32) {
        let subscribers = self.subscribers();
        let found = subscribers.get(&browser.path);
        found.map_or_else(Default::default, |found| {
            (found.pushes.clone(), found.requests)
        })
    }

    /// How many requests were refused: without a token, with one for somebody else, or not to be opened.
    pub fn count_refused(&self) -> u32 {
        self.state.refused.load(Ordering::Relaxed)
    }

    /// Waits until a browser got so many.
    pub async fn wait_for(&self, browser: &Browser, count: usize) -> Result<Vec<Push>> {
        let waiting = async {
            loop {
                let arrived = self.state.arrived.notified();
                let (pushes, _) = self.pushes_of(browser);
                if pushes.len() >= count {
                    return pushes;
                }
                arrived.await;
            }
        };
        let found = timeout(PATIENCE, waiting).await;
        found.with_context(|| format!("not {count} pushes: {:?}", self.pushes_of(browser)))
    }

    fn subscribers(&self) -> MutexGuard<'_, HashMap<String, Subscriber>> {
        self.state.subscribers()
    }
}

impl State {
    fn subscribers(&self) -> MutexGuard<'_, HashMap<String, Subscriber>> {
        self.subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What a request gets, and what of it arrives.
    fn take(&self, request: &Request<()>, body: &[u8], origin: &str) -> Answer {
        let mut subscribers = self.subscribers();
        let Some(subscriber) = subscribers.get_mut(request.uri().path()) else {
            return Answer::status(404);
        };
        subscriber.requests += 1;
        let text = |name: &str| request.headers().get(name)?.to_str().ok();
        let signed = text("authorization")
            .is_some_and(|said| token::is_for(said, &subscriber.sender, origin));
        let opened =
            (text("content-encoding") == Some("aes128gcm")).then(|| subscriber.keys.open(body));
        let (true, Some(Ok(opened))) = (signed, opened) else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Answer::status(403);
        };
        let answer = subscriber
            .answers
            .pop_front()
            .unwrap_or(Answer::status(201));
        if (200..300).contains(&answer.status) {
            subscriber.pushes.push(Push {
                body: opened,
                topic: text("topic").map(str::to_owned),
                ttl_s: text("ttl")
                    .and_then(|ttl| ttl.parse().ok())
                    .unwrap_or_default(),
                urgency: text("urgency").unwrap_or_default().to_owned(),
            });
            self.arrived.notify_waiters();
        }
        answer
    }
}

fn acceptor() -> Result<TlsAcceptor> {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes())?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<State>, port: u16) {
    let origin: Arc<str> = format!("https://127.0.0.1:{port}").into();
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, state, origin) = (acceptor.clone(), state.clone(), origin.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let answer = service_fn(move |request| answer(request, state.clone(), origin.clone()));
            let connection = hyper::server::conn::http1::Builder::new();
            let _ended = connection
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
    origin: Arc<str>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_PUSH).collect().await else {
        return Ok(respond(Answer::status(413)));
    };
    let answer = state.take(&Request::from_parts(head, ()), &body.to_bytes(), &origin);
    sleep(answer.after).await;
    Ok(respond(answer))
}

fn respond(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::IM_A_TEAPOT);
    if let Some(seconds) = answer.retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
