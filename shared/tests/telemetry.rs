//! Traces leave the process, under the right parents, at the latest when it stops.

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use shared::{
        config::TelemetryConfig,
        telemetry::{self, TelemetryError},
    };

    const TRACE: [u8; 16] = [
        0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31,
        0x9c,
    ];
    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// A collector that takes one request and hands it out.
    fn collector() -> (String, thread::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        let taken = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
            while !is_complete(&request) {
                let length = socket.read(&mut buffer).unwrap();
                request.extend_from_slice(&buffer[..length]);
            }
            socket
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .unwrap();
            request
        });
        (endpoint, taken)
    }

    fn is_complete(request: &[u8]) -> bool {
        let text = String::from_utf8_lossy(request).to_ascii_lowercase();
        let Some(head) = find(request, b"\r\n\r\n") else {
            return false;
        };
        let length = text.split("content-length: ").nth(1).unwrap();
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        request.len() >= head + 4 + length
    }

    fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
        bytes.windows(part.len()).position(|window| window == part)
    }

    fn trace_of(parent: &str) -> &str {
        parent.split('-').nth(1).unwrap()
    }

    /// What `trace_parent` says in a span that adopted `parent`.
    fn inside(parent: Option<&str>) -> Option<String> {
        // Debug, below the log filter: spans are traced all the same.
        let span = tracing::debug_span!(target: "shared", "message_send");
        telemetry::adopt_parent(&span, parent);
        span.in_scope(telemetry::trace_parent)
    }

    #[tokio::test]
    async fn spans_follow_their_parent_and_are_exported_at_the_end() {
        assert_eq!(inside(Some(PARENT)), None, "nothing is traced yet");

        let (endpoint, taken) = collector();
        let config = TelemetryConfig {
            otlp_endpoint: Some(endpoint),
            trace_ratio: 1.0,
            ..TelemetryConfig::default()
        };
        let running = telemetry::start("gateway", "node-1", &config).unwrap();
        let again = telemetry::start("gateway", "node-1", &TelemetryConfig::default());
        assert!(matches!(again, Err(TelemetryError::Started)));

        assert_eq!(telemetry::trace_parent(), None, "outside of a span");
        let child = inside(Some(PARENT)).unwrap();
        assert_eq!(trace_of(&child), trace_of(PARENT));
        assert_ne!(child, PARENT);
        assert_eq!(inside(None), None);
        assert_eq!(inside(Some(&PARENT.replace("-01", "-00"))), None);
        assert!(inside(Some("nonsense")).is_none());
        let root = tracing::info_span!(target: "shared", "root").in_scope(telemetry::trace_parent);
        assert_ne!(trace_of(&root.unwrap()), trace_of(PARENT));

        running.shutdown();
        let request = taken.join().unwrap();
        assert!(request.starts_with(b"POST /v1/traces "));
        for part in [b"message_send".as_slice(), b"gateway", b"node-1", &TRACE] {
            assert!(find(&request, part).is_some(), "{part:?}");
        }
        assert_eq!(inside(Some(PARENT)), None, "nothing is traced any more");
    }
}
