//! Signing in by cookie, and what somebody tries with the cookie of somebody else.

use std::net::SocketAddr;

use shared::{
    close::CloseCode,
    error::{Reason, Refusal},
    frame,
    ids::SessionId,
    protocol::{account::SignedIn, encode, user::User},
    wire::Wire,
};

use crate::support::{Running, client::Client, http::send, start, token, until, world::Lanes};

const BODY: &str = r#"{"nonce":"0123456789abcdef","name":"alice","password":"correct horse"}"#;
const HOST: (&str, &str) = ("host", "localhost:8080");
const OWN: (&str, &str) = ("origin", "http://localhost:8080");
const USER: u64 = 10_000;

/// A gateway whose workers let everyone in, with the token `t`.
async fn start_open(flags: &[&str]) -> Running {
    let gateway = start(flags).await;
    gateway.world.account("t", USER);
    let signed_in = SignedIn {
        token: token("t"),
        user: User::sample(),
        session_id: SessionId::sample(),
    };
    gateway.world.state().answer_body = Some(encode(&signed_in));
    gateway
}

async fn post(
    gateway: &Running,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, String, String) {
    send(gateway.address, "POST", path, headers, body).await
}

#[tokio::test]
async fn signing_in_leaves_the_token_in_a_cookie_and_nothing_with_the_page() {
    let gateway = start_open(&["--origins", "https://chat.example"]).await;
    let local = [HOST, OWN];
    let tls = [
        ("host", "chat.example"),
        ("origin", "https://chat.example"),
        ("sec-fetch-site", "same-origin"),
    ];
    for (headers, name, end) in [
        (&local[..], "confab-session", "samesite=strict\r\n"),
        (
            &tls[..],
            "__host-confab-session",
            "samesite=strict; secure\r\n",
        ),
    ] {
        for command in ["register", "login", "guest"] {
            let path = format!("/api/session/{command}");
            let body = if command == "guest" {
                r#"{"nonce":"0123456789abcdef"}"#
            } else {
                BODY
            };
            let (status, head, text) = post(&gateway, &path, headers, body).await;
            assert_eq!(status, 200, "{command}: {text}");
            assert!(text.starts_with(r#"{"token":"","user":{"#), "{text}");
            let cookie = format!(
                "set-cookie: {name}={}; path=/; max-age=34560000; httponly; {end}",
                token("t")
            );
            assert!(
                format!("{head}\r\n").contains(&cookie),
                "{cookie} in {head}"
            );
            assert!(head.contains("cache-control: no-store"), "{head}");
            assert!(!head.contains("access-control"), "{head}");
        }
    }
    let queries = gateway.world.state().queries.clone();
    assert!(queries.iter().all(|query| query.caller.is_none()));
    assert_eq!(queries.len(), 6);
}

#[tokio::test]
async fn a_page_of_elsewhere_signs_nobody_in_or_out() {
    let flags = ["--origins", "https://listed.example"];
    let gateway = start_open(&flags).await;
    let cookie = format!("confab-session={}", token("t"));
    let cookie = ("cookie", cookie.as_str());
    for (headers, detail) in [
        (vec![HOST], "origin"),
        (vec![HOST, ("origin", "null")], "origin"),
        (vec![HOST, ("origin", "https://evil.example")], "origin"),
        (vec![HOST, ("origin", "http://localhost:3000")], "origin"),
        (vec![HOST, ("origin", "https://listed.example")], "origin"),
        (vec![HOST, OWN, ("sec-fetch-site", "cross-site")], "origin"),
        (vec![HOST, OWN, ("sec-fetch-site", "same-site")], "origin"),
        // From another machine, and everybody on the way can listen.
        (vec![("origin", "http://gateway")], "https"),
    ] {
        for command in ["login", "register", "guest", "logout", "ping"] {
            let headers = [&headers[..], &[cookie]].concat();
            let path = format!("/api/session/{command}");
            let (status, head, text) = post(&gateway, &path, &headers, BODY).await;
            assert_eq!(status, 403, "{headers:?}: {text}");
            assert!(text.contains(&format!(r#""detail":"{detail}""#)), "{text}");
            assert!(!head.contains("set-cookie"), "{head}");
        }
    }
    // What else there is, this door does not do; nor does it for who only looks.
    for (method, path, expected) in [
        ("POST", "/api/session/password_change", 404),
        ("POST", "/api/session/user_create", 404),
        ("POST", "/api/session/ping", 404),
        ("GET", "/api/session/login", 405),
    ] {
        let (status, ..) = send(gateway.address, method, path, &[HOST, OWN], BODY).await;
        assert_eq!(status, expected, "{method} {path}");
    }
    assert!(gateway.world.state().queries.is_empty());
    assert!(gateway.world.state().commands.is_empty());
    let open = start_open(&["--plain-http"]).await;
    let near = [("origin", "http://gateway")];
    let (status, head, _) = post(&open, "/api/session/login", &near, BODY).await;
    assert!(
        status == 200 && head.contains("set-cookie: confab-session="),
        "{head}"
    );
}

/// The origin of a page that came from this address.
fn origin(address: SocketAddr) -> String {
    format!("http://{address}")
}

#[tokio::test]
async fn an_upgrade_opens_the_session_of_its_cookie() {
    let gateway = start_open(&[]).await;
    let origin = origin(gateway.address);
    let cookie = format!("theme=dark; confab-session={}", token("t"));
    for resume in [false, true] {
        let headers = [("origin", origin.as_str()), ("cookie", cookie.as_str())];
        let mut page = Client::open_page(gateway.address, &headers, resume).await;
        page.ready().await;
        page.heartbeat(1).await;
    }
}

#[tokio::test]
async fn an_upgrade_of_elsewhere_has_no_cookie() {
    let gateway = start_open(&["--origins", "https://listed.example"]).await;
    let own = origin(gateway.address);
    let [good, stale] = ["t", "revoked"].map(|name| format!("confab-session={}", token(name)));
    let twice = format!("{good}; {stale}");
    let secure = format!("__Host-{good}");
    let garbage = format!("confab-session={}", "x".repeat(8_000));
    for (origin, cookie, site) in [
        // Not said by whom, as a program would.
        (None, &good, None),
        // A page that may connect, but not as its visitor.
        (Some("https://listed.example"), &good, None),
        (Some(own.as_str()), &good, Some("same-site")),
        (Some(own.as_str()), &good, Some("cross-site")),
        // Another was put beside it; it has ended; it is no token; it is the other one.
        (Some(own.as_str()), &twice, None),
        (Some(own.as_str()), &stale, None),
        (Some(own.as_str()), &garbage, None),
        (Some(own.as_str()), &secure, None),
    ] {
        let mut headers = vec![("cookie", cookie.as_str())];
        headers.extend(origin.map(|origin| ("origin", origin)));
        headers.extend(site.map(|site| ("sec-fetch-site", site)));
        for resume in [false, true] {
            let mut page = Client::open_page(gateway.address, &headers, resume).await;
            let code = page.closed().await;
            assert_eq!(code, CloseCode::Unauthenticated.code(), "{headers:?}");
        }
    }
}

#[tokio::test]
async fn a_token_that_is_named_comes_before_the_cookie() {
    let gateway = start_open(&[]).await;
    gateway.world.account("other", USER + 1);
    let cookie = format!("confab-session={}", token("t"));
    let cookie = ("cookie", cookie.as_str());
    let named = ("authorization", "Bearer other");
    let elsewhere = ("sec-fetch-site", "cross-site");
    for (headers, expected) in [
        (&[HOST, OWN, cookie][..], Some(USER)),
        // Nobody's, for a program and for a page of elsewhere.
        (&[HOST, cookie], None),
        (&[HOST, OWN, cookie, elsewhere], None),
        (&[HOST, OWN, cookie, named], Some(USER + 1)),
    ] {
        post(&gateway, "/api/v1/commands/ping", headers, "{}").await;
        let asked = gateway.world.state().queries.pop().unwrap();
        let user = asked.caller.map(|caller| caller.user.get());
        assert_eq!(user, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn signing_out_takes_the_cookie_away_once_the_session_has_ended() {
    let gateway = start_open(&[]).await;
    gateway.world.state().lanes = Lanes::Silent;
    let path = "/api/session/logout";
    let body = r#"{"nonce":"n"}"#;
    let cookie = |name| format!("confab-session={}", token(name));
    let gone = "set-cookie: confab-session=; path=/; max-age=0; httponly; samesite=strict";
    let answering = async {
        for busy in [true, false] {
            until("the command arrived", async || {
                !gateway.world.state().commands.is_empty()
            })
            .await;
            let command = gateway.world.state().commands.clone().remove(0);
            gateway.world.forget_requests();
            assert_eq!(command.caller.as_ref().unwrap().user.get(), USER);
            let answer = if busy {
                frame::refusal(0, &Refusal::from(Reason::Unavailable))
            } else {
                frame::reply(0, &encode(&()))
            };
            gateway.world.answer(&command, &answer).await;
        }
    };
    let asking = async {
        let open = cookie("t");
        let headers = [HOST, OWN, ("cookie", open.as_str())];
        let (status, head, _) = post(&gateway, path, &headers, body).await;
        assert!(
            status == 503 && !head.contains("set-cookie"),
            "it may be open: {head}"
        );
        let (status, head, text) = post(&gateway, path, &headers, body).await;
        assert!(status == 200 && head.contains(gone), "{text} {head}");
    };
    tokio::join!(answering, asking);
    for cookie in [
        cookie("revoked"),
        "confab-session=x".to_owned(),
        "a=b".to_owned(),
    ] {
        let headers = [HOST, OWN, ("cookie", cookie.as_str())];
        let (status, head, _) = post(&gateway, path, &headers, body).await;
        assert!(status == 401 && head.contains(gone), "{cookie}: {head}");
    }
}

#[tokio::test]
async fn signing_in_by_cookie_draws_from_the_same_quotas() {
    let gateway = start_open(&["--stranger-rate", "1"]).await;
    let mut let_in = 0;
    let refused = loop {
        let path = if let_in % 2 == 0 {
            "/api/session/login"
        } else {
            "/api/v1/commands/login"
        };
        let (status, head, _) = post(&gateway, path, &[HOST, OWN], BODY).await;
        if status != 200 {
            break (status, head);
        }
        let_in += 1;
        assert!(let_in < 20, "let in {let_in}");
    };
    assert_eq!((let_in, refused.0), (4, 429));
    assert!(refused.1.contains("retry-after: 1"), "{}", refused.1);
}
