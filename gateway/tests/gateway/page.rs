//! The page: its addresses, how browsers keep it, and what they are told about it.

use std::{
    env, fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::support::{Running, client, http::send, start};

/// A folder with a page, until it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("confab-page-{}-{number}", std::process::id());
        let folder = env::temp_dir().join(name);
        for (name, text) in files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

async fn start_with_page() -> Running {
    let folder = Folder::new(&[
        ("index.html", "<!doctype html><title>Confab</title>"),
        ("manifest.webmanifest", "{}"),
        ("sw.js", "self"),
        ("assets/app-1a2b.js", "a long script"),
        ("assets/app-1a2b.js.br", "brotli"),
        ("assets/app-1a2b.js.gz", "gzip"),
    ]);
    start(&["--page", folder.0.to_str().unwrap()]).await
}

#[tokio::test]
async fn every_address_of_the_page_shows_it() {
    let gateway = start_with_page().await;
    let mut tags = Vec::new();
    for path in [
        "/",
        "/i/aBc-1",
        "/c/4096321",
        "/c/4096321/77/8",
        "/?from=app",
    ] {
        let (status, head, text) = send(gateway.address, "GET", path, &[], "").await;
        assert_eq!(status, 200, "{path}");
        assert!(text.starts_with("<!doctype html>"), "{text}");
        for header in [
            "content-type: text/html; charset=utf-8",
            "cache-control: no-cache",
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
            "cross-origin-opener-policy: same-origin",
            "cross-origin-resource-policy: same-origin",
            "permissions-policy: camera=()",
            "content-security-policy: default-src 'none'; script-src 'self';",
            "require-trusted-types-for 'script'; trusted-types confab",
        ] {
            assert!(head.contains(header), "{header} in {head}");
        }
        for loose in ["unsafe-", "data:", "*"] {
            assert!(!head.contains(loose), "{loose} in {head}");
        }
        tags.extend(
            head.lines()
                .find(|line| line.starts_with("etag: "))
                .map(str::to_owned),
        );
    }
    tags.dedup();
    assert_eq!(tags.len(), 1, "{tags:?}");
}

#[tokio::test]
async fn names_with_a_hash_are_kept_for_ever_and_all_others_asked_for() {
    let gateway = start_with_page().await;
    for (path, media_type, keep) in [
        ("/assets/app-1a2b.js", "text/javascript", "immutable"),
        ("/sw.js", "text/javascript", "no-cache"),
        (
            "/manifest.webmanifest",
            "application/manifest+json",
            "no-cache",
        ),
    ] {
        let (status, head, _) = send(gateway.address, "GET", path, &[], "").await;
        assert_eq!(status, 200, "{path}");
        assert!(head.contains(media_type) && head.contains(keep), "{head}");
    }
    for path in [
        "/assets/gone.js",
        "/assets/app-1a2b.js.br",
        "/assets/../index.html",
        "/assets/%2e%2e/sw.js",
        "/c",
        "/i/",
        "/i/a/b",
        "/sw.js/",
    ] {
        let (status, head, text) = send(gateway.address, "GET", path, &[], "").await;
        assert_eq!(status, 404, "{path}");
        assert!(
            text.contains("unknown_command") && head.contains("no-store"),
            "{head}"
        );
    }
}

#[tokio::test]
async fn who_looks_for_a_page_where_none_is_gets_one_that_says_so() {
    let gateway = start_with_page().await;
    let page = ("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");
    let known = ("if-none-match", "*");
    for path in ["/foo", "/c", "/i/", "/i/a/b", "/assets/gone.js"] {
        let (status, head, text) = send(gateway.address, "GET", path, &[page, known], "").await;
        assert_eq!(status, 404, "{path}");
        assert!(text.starts_with("<!doctype html>"), "{text}");
        assert!(head.contains("content-security-policy: default-src 'none'"));
        let (status, _, text) = send(gateway.address, "POST", path, &[page], "").await;
        assert_eq!(status, 404, "{path}");
        assert!(text.contains("unknown_command"), "{text}");
    }
}

#[tokio::test]
async fn who_has_the_page_gets_no_body_and_who_can_gets_it_compressed() {
    let gateway = start_with_page().await;
    let path = "/assets/app-1a2b.js";
    let mut tags = Vec::new();
    for (taken, encoding, body) in [
        ("gzip, deflate, br", Some("br"), "brotli"),
        ("gzip, br;q=0", Some("gzip"), "gzip"),
        ("identity", None, "a long script"),
    ] {
        let taken = ("accept-encoding", taken);
        let (_, head, text) = send(gateway.address, "GET", path, &[taken], "").await;
        assert_eq!(text, body);
        let named = head
            .lines()
            .find_map(|line| line.strip_prefix("content-encoding: "));
        assert_eq!(named, encoding);
        assert!(head.contains("vary: accept-encoding"), "{head}");
        let tag = head
            .lines()
            .find_map(|line| line.strip_prefix("etag: "))
            .unwrap();
        let known = ("if-none-match", tag);
        let (status, head, text) = send(gateway.address, "GET", path, &[taken, known], "").await;
        assert_eq!((status, text.as_str()), (304, ""));
        assert!(head.contains(tag) && head.contains("immutable"), "{head}");
        let other = ("if-none-match", "\"other\"");
        let (status, ..) = send(gateway.address, "GET", path, &[taken, other], "").await;
        assert_eq!(status, 200);
        tags.push(tag.to_owned());
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 3, "each form has a tag of its own");
}

#[tokio::test]
async fn only_reading_is_possible_and_a_socket_has_its_own_path() {
    let gateway = start_with_page().await;
    for path in ["/", "/i/code", "/sw.js"] {
        let (status, head, text) = send(gateway.address, "HEAD", path, &[], "").await;
        assert_eq!((status, text.as_str()), (200, ""), "{path}");
        assert!(!head.contains("content-length: 0"), "{head}");
        let (status, head, _) = send(gateway.address, "POST", path, &[], "x").await;
        assert_eq!(status, 405, "{path}");
        assert!(head.contains("allow: get, head"), "{head}");
    }
    let mut request = client::request(gateway.address, &[]);
    *request.uri_mut() = format!("ws://{}/", gateway.address).parse().unwrap();
    assert_eq!(client::refused(request).await, 404);
}

#[tokio::test]
async fn a_folder_without_a_page_is_no_page() {
    let folder = Folder::new(&[("other.html", "")]);
    let error = gateway::page::Page::read(&folder.0).unwrap_err();
    assert!(error.to_string().contains("no index.html"), "{error}");
    let gone = folder.0.join("gone");
    assert!(gateway::page::Page::read(&gone).is_err());
}
