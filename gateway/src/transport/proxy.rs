//! The PROXY protocol: the first bytes of a connection name the client for whom a proxy made
//! it. Version 1 is a line of text, version 2 is binary; both are told by their first bytes.
//!
//! <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::io::{AsyncRead, AsyncReadExt};

/// The first bytes of version 2.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, with its end.
const LINE_BYTES: usize = 107;
/// The longest header of version 2 that is read: addresses, and more extensions than proxies
/// send.
const MAX_BYTES: usize = 4_096;

/// Reads the header, and nothing behind it. `None`: the proxy speaks for itself, or does not
/// say for whom it speaks.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut first = [0; SIGNATURE.len()];
    stream.read_exact(&mut first).await?;
    if first == SIGNATURE {
        return version_2(stream).await;
    }
    if !first.starts_with(b"PROXY ") {
        return Err(wrong("it is missing"));
    }
    let mut line = first.to_vec();
    // One byte at a time: what follows belongs to somebody else.
    while !line.ends_with(b"\r\n") {
        if line.len() == LINE_BYTES {
            return Err(wrong("its line is too long"));
        }
        line.push(stream.read_u8().await?);
    }
    version_1(&line)
}

fn version_1(line: &[u8]) -> io::Result<Option<SocketAddr>> {
    let line = std::str::from_utf8(line).map_err(|_error| wrong("it is no text"))?;
    let mut words = line.trim_end_matches("\r\n").split(' ').skip(1);
    let family = words.next().unwrap_or_default();
    if family == "UNKNOWN" {
        return Ok(None);
    }
    let source: Option<IpAddr> = words.next().and_then(|word| word.parse().ok());
    let port = words.nth(1).and_then(|word| word.parse().ok());
    match (family, source, port) {
        ("TCP4", Some(ip @ IpAddr::V4(_)), Some(port))
        | ("TCP6", Some(ip @ IpAddr::V6(_)), Some(port)) => Ok(Some(SocketAddr::new(ip, port))),
        _ => Err(wrong("it names no address")),
    }
}

async fn version_2(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let [version_and_command, family] = stream.read_u16().await?.to_be_bytes();
    let length = usize::from(stream.read_u16().await?);
    if length > MAX_BYTES {
        return Err(wrong("it is too long"));
    }
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await?;
    match version_and_command {
        // LOCAL: a health check of the proxy.
        0x20 => Ok(None),
        0x21 => source(family, &rest),
        _ => Err(wrong("its version or command is unknown")),
    }
}

/// The source of a version 2 header; none where it is no address of TCP.
fn source(family: u8, rest: &[u8]) -> io::Result<Option<SocketAddr>> {
    let short = || wrong("its addresses are cut off");
    let port = |at: usize| {
        let bytes = rest.get(at..).and_then(<[u8]>::first_chunk);
        bytes.copied().map(u16::from_be_bytes).ok_or_else(short)
    };
    match family {
        0x11 => {
            let address: [u8; 4] = *rest.first_chunk().ok_or_else(short)?;
            Ok(Some((address, port(8)?).into()))
        }
        0x21 => {
            let address: [u8; 16] = *rest.first_chunk().ok_or_else(short)?;
            Ok(Some((address, port(32)?).into()))
        }
        _ => Ok(None),
    }
}

fn wrong(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("PROXY header: {why}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(bytes: &[u8]) -> (io::Result<Option<SocketAddr>>, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let mut rest = bytes;
            let found = read(&mut rest).await;
            (found, rest.to_vec())
        })
    }

    fn version_2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, body, b"GET"].concat()
    }

    #[test]
    fn both_versions_name_the_client_and_leave_the_rest() {
        let v4 = [203, 0, 113, 7, 10, 0, 0, 1, 0x1f, 0x90, 0, 80, 3, 0, 4, 1];
        let mut v6 = [0; 36];
        v6[..2].copy_from_slice(&[0x20, 0x01]);
        v6[15] = 9;
        v6[32..34].copy_from_slice(&443_u16.to_be_bytes());
        for (bytes, expected) in [
            (
                b"PROXY TCP4 203.0.113.7 10.0.0.1 8080 80\r\nGET".to_vec(),
                Some("203.0.113.7:8080"),
            ),
            (
                b"PROXY TCP6 2001::9 ::1 443 80\r\nGET".to_vec(),
                Some("[2001::9]:443"),
            ),
            (b"PROXY UNKNOWN\r\nGET".to_vec(), None),
            (b"PROXY UNKNOWN ffff::1 ffff::1 1 1\r\nGET".to_vec(), None),
            (version_2(0x21, 0x11, &v4), Some("203.0.113.7:8080")),
            (version_2(0x21, 0x21, &v6), Some("[2001::9]:443")),
            (version_2(0x21, 0x31, &[0; 216]), None),
            (version_2(0x20, 0, &[]), None),
        ] {
            let (found, rest) = run(&bytes);
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(found.unwrap(), expected, "{bytes:x?}");
            assert_eq!(rest, b"GET");
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let long = format!("PROXY TCP4 {}\r\n", "1".repeat(120));
        for bytes in [
            &b"GET /ws HTTP/1.1\r\n"[..],
            b"PROXY TCP4 2001::9 ::1 443 80\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 99999 80\r\n",
            b"PROXY TCP4 1.2.3.4\r\n",
            b"PROXY",
            long.as_bytes(),
            &version_2(0x31, 0x11, &[0; 12]),
            &version_2(0x21, 0x11, &[0; 9]),
            &version_2(0x21, 0x11, &vec![0; 5_000]),
        ] {
            assert!(run(bytes).0.is_err(), "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), two in any::<bool>()) {
            let begin = if two { &SIGNATURE[..] } else { b"PROXY " };
            drop(run(&[begin, &bytes].concat()).0);
        }
    }
}
