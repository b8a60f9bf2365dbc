//! What the push service hears and answers.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, Response, StatusCode, body::Incoming, header, service::service_fn};
use hyper_util::rt::TokioIo;
use shared::tls;
use tokio::{net::TcpListener, task::JoinSet, time::sleep};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use super::{Answer, Push, State, Subscriber, token};

const KEY: &str = include_str!("tls.key");
/// Bytes of a push: what the services of browsers take.
const MAX_PUSH: usize = 4_096;

/// Makes what accepts connections to the holder of a certificate.
pub(super) fn acceptor(certificate: &str) -> Result<TlsAcceptor> {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())?;
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes())?;
    tls::install_provider();
    let config = ServerConfig::builder().with_no_client_auth();
    Ok(TlsAcceptor::from(Arc::new(
        config.with_single_cert(vec![certificate], key)?,
    )))
}

/// Takes pushes at this port until it is aborted.
pub(super) async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    state: Arc<State>,
    port: u16,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let (acceptor, state) = (acceptor.clone(), state.clone());
        connections.spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let answer = service_fn(move |request| answer(request, state.clone(), port));
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
    port: u16,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_PUSH).collect().await else {
        return Ok(respond(Answer::status(413)));
    };
    let answer = state.take(&Request::from_parts(head, ()), &body.to_bytes(), port);
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

/// A header, if it is text.
fn text<'a>(request: &'a Request<()>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

impl State {
    /// What a request gets, and what of it arrives.
    fn take(&self, request: &Request<()>, body: &[u8], port: u16) -> Answer {
        let mut subscribers = self.subscribers();
        let Some(subscriber) = subscribers.get_mut(request.uri().path()) else {
            return Answer::status(404);
        };
        subscriber.requests += 1;
        let answer = if let Some(body) = subscriber.open(request, body, port) {
            let answer = subscriber
                .answers
                .pop_front()
                .unwrap_or(Answer::status(201));
            if (200..300).contains(&answer.status) {
                match &self.taker {
                    Some(take) => take(subscriber.number, &body),
                    None => subscriber.pushes.push(read_push(request, body)),
                }
            }
            answer
        } else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Answer::status(403)
        };
        self.arrived.notify_waiters();
        answer
    }
}

fn read_push(request: &Request<()>, body: Vec<u8>) -> Push {
    Push {
        body,
        topic: text(request, "topic").map(str::to_owned),
        ttl_s: text(request, "ttl")
            .and_then(|ttl| ttl.parse().ok())
            .unwrap_or_default(),
        urgency: text(request, "urgency").unwrap_or_default().to_owned(),
    }
}

impl Subscriber {
    /// What a push says, if it is signed for this service and only this browser can open it.
    fn open(&self, request: &Request<()>, body: &[u8], port: u16) -> Option<Vec<u8>> {
        let host = text(request, "host")?;
        let is_ours = ["127.0.0.1", "localhost"]
            .iter()
            .any(|name| host == format!("{name}:{port}"));
        let signed = text(request, "authorization")?;
        if !is_ours || !token::is_for(signed, &self.sender, &format!("https://{host}")) {
            return None;
        }
        if body.is_empty() {
            return Some(Vec::new());
        }
        (text(request, "content-encoding")? == "aes128gcm").then(|| self.keys.open(body).ok())?
    }
}
