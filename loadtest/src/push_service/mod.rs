//! A push service, as browsers have theirs: it takes pushes over HTTPS, refuses who does not sign for it, and opens
//! what comes with the keys of the browser that it is for. What it answers is said beforehand.
//!
//! - [`serve`] is its HTTP, [`token`] says who a sender is, [`open`] has the browser's keys, [`waiting`] counts what a
//!   cluster has still to tell.
//!
//! Under load it keeps no push, and hands each that it opened to who measures ([`PushService::start_for`]).

mod open;
mod serve;
mod token;
mod waiting;

use std::{
    collections::{HashMap, VecDeque},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::{net::TcpListener, sync::Notify, task::JoinSet, time::timeout};

pub use open::{BrowserKeys, generate_sender};
pub use waiting::count_waiting;

use crate::random::nonce;

/// A certificate for 127.0.0.1 and localhost, good for nothing but tests.
const CERTIFICATE: &str = include_str!("tls.pem");
/// How long is waited for a push: some failures, and a claim that has to lapse.
const PATIENCE: Duration = Duration::from_mins(1);

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
    /// What it tells; nothing where it has no content.
    pub body: Vec<u8>,
    /// What it replaces.
    pub topic: Option<String>,
    /// How long it may wait, in seconds.
    pub ttl_s: u32,
    /// How soon the browser is woken.
    pub urgency: String,
}

/// A browser that has subscribed.
#[derive(Debug, Clone)]
pub struct Browser {
    /// Which one of its service it is, from 0.
    pub number: usize,
    /// Its address at the service.
    pub endpoint: String,
    /// Its public key, in base64url.
    pub p256dh: String,
    /// What it shares with who sends, in base64url.
    pub auth: String,
    path: String,
}

/// Gets each push that was opened, in place of its browser: the number of that, and what it is told.
type Taker = dyn Fn(usize, &[u8]) + Send + Sync;

struct Subscriber {
    number: usize,
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
    /// Where pushes are too many to keep.
    taker: Option<Box<Taker>>,
}

impl State {
    fn subscribers(&self) -> MutexGuard<'_, HashMap<String, Subscriber>> {
        self.subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The service.
pub struct PushService {
    port: u16,
    state: Arc<State>,
    /// Ends with it.
    _serving: JoinSet<()>,
    /// A file with its certificate, for programs that are to trust it.
    trusted: PathBuf,
}

impl Drop for PushService {
    fn drop(&mut self) {
        // A file in the folder for temporary ones: who cannot delete it leaves it there.
        let _deleted = std::fs::remove_file(&self.trusted);
    }
}

impl PushService {
    /// Starts it on a port of 127.0.0.1.
    pub async fn start() -> Result<Self> {
        Self::start_with(State::default()).await
    }

    /// The same, and hands over each push that was opened, with the number of its browser, in place of keeping it.
    pub async fn start_for(taker: impl Fn(usize, &[u8]) + Send + Sync + 'static) -> Result<Self> {
        let taker: Option<Box<Taker>> = Some(Box::new(taker));
        Self::start_with(State {
            taker,
            ..State::default()
        })
        .await
    }

    async fn start_with(state: State) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let trusted = std::env::temp_dir().join(format!("confab-push-{}.pem", nonce()));
        std::fs::write(&trusted, CERTIFICATE)
            .context("writing the certificate of the push service")?;
        let state = Arc::new(state);
        let acceptor = serve::acceptor(CERTIFICATE)?;
        let mut serving = JoinSet::new();
        serving.spawn(serve::serve(listener, acceptor, state.clone(), port));
        Ok(Self {
            port,
            state,
            _serving: serving,
            trusted,
        })
    }

    /// What lets the programs of a cluster push to it with these private keys, and reach nothing else on this machine.
    pub fn settings(&self, keys: &str) -> Vec<(&'static str, String)> {
        vec![
            ("CONFAB_PUSH_KEYS", keys.to_owned()),
            (
                "CONFAB_PUSH_CONTACT",
                "mailto:operator@example.com".to_owned(),
            ),
            ("CONFAB_PUSH_SERVICES", "127.0.0.1,localhost".to_owned()),
            ("CONFAB_OUTBOUND_NETWORKS", "127.0.0.1/32".to_owned()),
            ("CONFAB_OUTBOUND_PORTS", self.port.to_string()),
            ("SSL_CERT_FILE", self.trusted.display().to_string()),
        ]
    }

    /// A browser subscribes for whoever has this public key.
    pub fn subscribe(&self, sender: &str) -> Result<Browser> {
        self.subscribe_at("127.0.0.1", sender)
    }

    /// The same by another name of the service: `localhost` is another service for who sends.
    pub fn subscribe_at(&self, host: &str, sender: &str) -> Result<Browser> {
        let keys = BrowserKeys::generate()?;
        let sender = URL_SAFE_NO_PAD
            .decode(sender)
            .context("the key of the sender")?;
        let mut subscribers = self.state.subscribers();
        let number = subscribers.len();
        let path = format!("/push/{number}");
        let browser = Browser {
            number,
            endpoint: format!("https://{host}:{}{path}", self.port),
            p256dh: URL_SAFE_NO_PAD.encode(keys.public()),
            auth: URL_SAFE_NO_PAD.encode(keys.auth()),
            path: path.clone(),
        };
        subscribers.insert(
            path,
            Subscriber {
                number,
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
        if let Some(subscriber) = self.state.subscribers().get_mut(&browser.path) {
            subscriber.answers.extend(answers);
        }
    }

    /// What a browser got so far, and how many requests were made for it.
    pub fn pushes_of(&self, browser: &Browser) -> (Vec<Push>, u32) {
        let subscribers = self.state.subscribers();
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
        self.wait_until(browser, |pushes, _requests| pushes.len() >= count)
            .await
    }

    /// Waits until so many requests were made for a browser.
    pub async fn wait_for_requests(&self, browser: &Browser, count: u32) -> Result<()> {
        self.wait_until(browser, |_pushes, requests| requests >= count)
            .await
            .map(drop)
    }

    async fn wait_until(
        &self,
        browser: &Browser,
        is_it: impl Fn(&[Push], u32) -> bool,
    ) -> Result<Vec<Push>> {
        let waiting = async {
            loop {
                // From here on nothing is missed.
                let mut arrived = std::pin::pin!(self.state.arrived.notified());
                arrived.as_mut().enable();
                let (pushes, requests) = self.pushes_of(browser);
                if is_it(&pushes, requests) {
                    return pushes;
                }
                arrived.await;
            }
        };
        let found = timeout(PATIENCE, waiting).await;
        found.with_context(|| format!("not yet: {:?}", self.pushes_of(browser)))
    }
}
