//! What strangers' addresses try: real sockets, real TLS, on this machine, which only some of the requests may reach.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
};

use reqwest::Certificate;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
    server::TlsStream,
};

use super::*;

/// A certificate for 127.0.0.1 that is good for nothing but tests.
fn tls_file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../gateway/tests/gateway/tls")
        .join(name)
}

/// A server that does the same with each connection, and counts them.
struct Stranger {
    port: u16,
    connections: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Stranger {
    async fn answering<F>(
        answer: impl Fn(TlsStream<TcpStream>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let certificate = CertificateDer::from_pem_file(tls_file("gateway.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(tls_file("gateway.key")).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut answering = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _head = stream.read(&mut [0; 4_096]).await;
                    answering.spawn(answer(stream));
                }
            }
        });
        Self {
            port,
            connections,
            _serving: serving,
        }
    }

    /// One that says so much, and ends.
    async fn saying(text: &'static str) -> Self {
        Self::answering(move |mut stream| async move {
            let _said = stream.write_all(text.as_bytes()).await;
            let _ended = stream.shutdown().await;
        })
        .await
    }

    fn url(&self) -> String {
        format!("https://127.0.0.1:{}/push/abc", self.port)
    }

    /// Who may reach it.
    fn guest(&self) -> Outbound {
        let mut config = OutboundConfig {
            networks: vec!["127.0.0.1/32".parse().unwrap()],
            ports: vec![self.port],
            ..OutboundConfig::default()
        };
        let pem = std::fs::read(tls_file("gateway.pem")).unwrap();
        config.roots = vec![Certificate::from_pem(&pem).unwrap()];
        Outbound::new(config).unwrap()
    }

    async fn post(&self) -> Result<Answer, OutboundError> {
        self.post_within(PATIENCE).await
    }

    async fn post_within(&self, patience: Duration) -> Result<Answer, OutboundError> {
        let guest = Outbound {
            patience,
            ..self.guest()
        };
        let url = guest.parse_url(&self.url()).unwrap();
        guest
            .post(&url, HeaderMap::new(), Bytes::from_static(b"hi"))
            .await
    }
}

fn stranger() -> Outbound {
    let config = OutboundConfig {
        ports: (1..=u16::MAX).collect(),
        ..OutboundConfig::default()
    };
    Outbound::new(config).unwrap()
}

#[tokio::test]
async fn an_answer_is_its_status_when_to_come_again_and_how_it_begins() {
    let service = Stranger::saying(
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nslow",
    )
    .await;
    let answer = service.post().await.unwrap();
    let expected = Answer {
        status: 429,
        retry_after: Some(Duration::from_secs(7)),
        body: b"slow".to_vec(),
    };
    assert_eq!(answer, expected);
}

#[test]
fn when_to_come_again_is_said_in_seconds_or_as_a_time_by_the_clock_of_who_says_it() {
    let read = |date: Option<&'static str>, after: &'static str| {
        let date = date.map(|date| (DATE, date.parse().unwrap()));
        let after = (RETRY_AFTER, after.parse().unwrap());
        read_retry_after(&date.into_iter().chain([after]).collect())
    };
    let now = Some("Sun, 06 Nov 1994 08:49:37 GMT");
    let later = "Sun, 06 Nov 1994 08:50:47 GMT";
    let seconds = |count| Some(Duration::from_secs(count));
    assert_eq!(read(None, " 120 "), seconds(120));
    assert_eq!(read(now, later), seconds(70));
    for (date, after) in [
        (None, later),
        (Some(later), "Sun, 06 Nov 1994 08:49:37 GMT"),
        (now, "soon"),
        (now, "-1"),
    ] {
        assert_eq!(read(date, after), None, "{date:?} {after}");
    }
}

#[test]
fn only_https_at_its_port_without_a_name_is_taken() {
    let outbound = Outbound::new(OutboundConfig::default()).unwrap();
    for taken in [
        "https://push.example/abc?d=e",
        "https://push.example:443/",
        "https://1.1.1.1/",
        "https://[2606:4700::1111]/",
    ] {
        assert!(outbound.parse_url(taken).is_ok(), "{taken}");
    }
    for refused in [
        "",
        "push.example",
        "http://push.example/",
        "ftp://push.example/",
        "file:///etc/passwd",
        "https://push.example:8443/",
        "https://alice@push.example/",
        "https://:secret@push.example/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://[fd00:ec2::254]/",
        "https://[64:ff9b::7f00:1]/",
    ] {
        assert!(outbound.parse_url(refused).is_err(), "{refused}");
    }
    let long = format!("https://push.example/{}", "a".repeat(url::MAX_URL));
    assert!(outbound.parse_url(&long).is_err());
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_followed() {
    let service = Stranger::saying("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await;
    let outbound = stranger();
    let url = outbound.parse_url(&format!("https://localhost:{}/", service.port));
    let answer = outbound
        .post(&url.unwrap(), HeaderMap::new(), Bytes::new())
        .await;
    assert!(
        matches!(answer, Err(OutboundError::NotReachable)),
        "{answer:?}"
    );
    assert_eq!(service.connections.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn nobody_is_followed_elsewhere() {
    let other = Stranger::saying("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await;
    let text = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        other.url()
    );
    let service = Stranger::saying(text.leak()).await;
    assert_eq!(service.post().await.unwrap().status, 307);
    assert_eq!(other.connections.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn of_an_endless_answer_the_beginning_is_read() {
    let service = Stranger::answering(|mut stream| async move {
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let _begun = stream.write_all(head).await;
        while stream.write_all(b"4\r\nmore\r\n").await.is_ok() {}
    })
    .await;
    let answer = service.post().await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, ANSWER));
}

#[tokio::test]
async fn nobody_waits_for_long() {
    let service = Stranger::answering(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let answer = service.post_within(Duration::from_millis(300)).await;
    assert!(matches!(answer, Err(OutboundError::Slow)), "{answer:?}");
}

#[tokio::test]
async fn what_an_answer_says_first_counts_even_where_the_rest_never_comes() {
    let service = Stranger::answering(|mut stream| async move {
        let head = b"HTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\nmo";
        let _begun = stream.write_all(head).await;
        std::future::pending::<()>().await;
    })
    .await;
    let answer = service.post_within(Duration::from_secs(1)).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (201, &b"mo"[..]));
}

#[tokio::test]
async fn who_is_not_vouched_for_is_told_nothing() {
    let service = Stranger::saying("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await;
    let config = OutboundConfig {
        networks: vec!["127.0.0.1/32".parse().unwrap()],
        ports: vec![service.port],
        ..OutboundConfig::default()
    };
    let outbound = Outbound::new(config).unwrap();
    let url = outbound.parse_url(&service.url()).unwrap();
    let answer = outbound.post(&url, HeaderMap::new(), Bytes::new()).await;
    assert!(matches!(answer, Err(OutboundError::Failed)), "{answer:?}");
}
