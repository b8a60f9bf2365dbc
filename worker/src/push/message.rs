//! A push as its service takes it: encrypted for the browser (RFC 8291), signed for the service (RFC 8292).
//!
//! The package `web-push` does both, with an OpenSSL of its own; nothing else of ours touches that.

use std::{fmt, str::FromStr};

use aws_lc_rs::{
    agreement::{ECDH_P256, PrivateKey},
    encoding::{AsBigEndian, EcPrivateKeyBin},
    signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use reqwest::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use thiserror::Error;
use web_push::{
    ContentEncoding, PartialVapidSignatureBuilder, SubscriptionInfo, SubscriptionKeys,
    VapidSignatureBuilder, WebPushMessageBuilder,
};

/// How long a token is good for, in seconds. A service takes a day at most.
pub(crate) const SIGNED_S: u64 = 12 * 3_600;
/// How soon a browser is to be woken, by the numbers of the rows (RFC 8030, 5.3).
const URGENCIES: [&str; 4] = ["very-low", "low", "normal", "high"];
/// Bytes of a point of P-256 that is not compressed, and the first of them.
const POINT: (usize, u8) = (65, 4);
/// Bytes of a private key.
const PRIVATE: usize = 32;
/// What is said of nothing in particular: only the keys of a subscription are asked for.
const NOWHERE: &str = "https://localhost/";

/// Why there is no push. Of keys and texts it says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum PushError {
    /// Not a private key of P-256.
    #[error("a key is 32 bytes in base64url, as `worker push keys` prints it")]
    NotAKey,
    /// Nobody has the key that would open it.
    #[error("the device has no key that could open it")]
    NotADevice,
}

/// A key pair that signs for push services. Its private part is in no log.
#[derive(Clone)]
pub(crate) struct Signer {
    builder: PartialVapidSignatureBuilder,
    public: Vec<u8>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", encode_base64(&self.public))
    }
}

impl FromStr for Signer {
    type Err = PushError;

    fn from_str(text: &str) -> Result<Self, PushError> {
        // The package panics where the length is another one.
        let key = decode_base64(text).filter(|key| key.len() == PRIVATE);
        let key = encode_base64(&key.ok_or(PushError::NotAKey)?);
        let builder = VapidSignatureBuilder::from_base64_no_sub(&key);
        let builder = builder.map_err(|_error| PushError::NotAKey)?;
        let public = builder.get_public_key();
        Ok(Self { builder, public })
    }
}

/// Bytes as browsers write them.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes that a browser wrote so, with or without padding.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// Whether these are a public key that something can be encrypted for.
pub(crate) fn is_public_key(bytes: &[u8]) -> bool {
    let is_whole = (bytes.len(), bytes.first().copied()) == (POINT.0, Some(POINT.1));
    is_whole && ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes).is_ok()
}

/// Makes a key pair; answers its private part, as it is kept.
pub(crate) fn generate_key() -> Result<String, PushError> {
    let key = PrivateKey::generate(&ECDH_P256).map_err(|_error| PushError::NotAKey)?;
    let private: EcPrivateKeyBin<'_> = key.as_be_bytes().map_err(|_error| PushError::NotAKey)?;
    Ok(encode_base64(private.as_ref()))
}

/// Says for a while that we are who the browser asked for.
#[derive(Debug, Clone)]
pub(crate) struct VapidToken(HeaderValue);

impl Signer {
    /// The public key: a point that is not compressed.
    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    /// Signs for everything at an origin, until then, in seconds since 1970. The contact is for who runs the service.
    pub(crate) fn sign(
        &self,
        origin: &str,
        (contact, until): (&str, u64),
    ) -> Result<VapidToken, PushError> {
        let nowhere = subscription(SubscriptionKeys::default());
        let mut builder = self.builder.clone().add_sub_info(&nowhere);
        builder.add_claim("aud", origin);
        builder.add_claim("sub", contact);
        builder.add_claim("exp", until);
        let token = builder.build().map_err(|_error| PushError::NotAKey)?.auth_t;
        let said = format!("vapid t={token}, k={}", encode_base64(&self.public));
        let mut header = HeaderValue::try_from(said).map_err(|_error| PushError::NotAKey)?;
        header.set_sensitive(true);
        Ok(VapidToken(header))
    }
}

fn subscription(keys: SubscriptionKeys) -> SubscriptionInfo {
    SubscriptionInfo {
        endpoint: NOWHERE.to_owned(),
        keys,
    }
}

/// What is told, and how.
#[derive(Debug, Default)]
pub(crate) struct Message<'a> {
    /// What the browser gets; where it is empty, the browser is only woken.
    pub(crate) body: &'a [u8],
    /// What replaces one that still waits at the service: at most 32 characters of base64url.
    pub(crate) topic: Option<&'a str>,
    /// How long it waits there, in seconds.
    pub(crate) ttl_s: u32,
    /// How soon the browser is to be woken, from 0 to 3.
    pub(crate) urgency: usize,
}

/// Encrypts for the browser with this public key, and this secret that it shares with us: the head and the
/// body of the request.
pub(crate) fn seal(
    message: &Message<'_>,
    (p256dh, auth): (&[u8], &[u8]),
    token: VapidToken,
) -> Result<(HeaderMap, Bytes), PushError> {
    let mut head = HeaderMap::new();
    head.insert(AUTHORIZATION, token.0);
    head.insert(HeaderName::from_static("ttl"), message.ttl_s.into());
    let urgency = URGENCIES.get(message.urgency).copied().unwrap_or("normal");
    head.insert(
        HeaderName::from_static("urgency"),
        HeaderValue::from_static(urgency),
    );
    if let Some(topic) = message.topic {
        let topic = HeaderValue::from_str(topic).map_err(|_error| PushError::NotADevice)?;
        head.insert(HeaderName::from_static("topic"), topic);
    }
    if message.body.is_empty() {
        return Ok((head, Bytes::new()));
    }
    let to = subscription(SubscriptionKeys {
        p256dh: encode_base64(p256dh),
        auth: encode_base64(auth),
    });
    let mut builder = WebPushMessageBuilder::new(&to);
    builder.set_payload(ContentEncoding::Aes128Gcm, message.body);
    let built = builder.build().map_err(|_error| PushError::NotADevice)?;
    let sealed = built.payload.ok_or(PushError::NotADevice)?.content;
    head.insert(CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
    head.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    Ok((head, sealed.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_was_generated() {
        let private = generate_key().unwrap();
        let signer: Signer = private.parse().unwrap();
        assert!(is_public_key(signer.public()));
        assert!(!format!("{signer:?}").contains(&private));
        let zero = encode_base64(&[0; 32]);
        let long = encode_base64(&[1; 33]);
        for wrong in ["", "AAAA", "not base64!", &zero, &long] {
            assert_eq!(
                wrong.parse::<Signer>().err(),
                Some(PushError::NotAKey),
                "{wrong}"
            );
        }
    }

    #[test]
    fn only_a_point_of_the_curve_is_a_public_key() {
        let signer: Signer = generate_key().unwrap().parse().unwrap();
        let public = signer.public();
        let mut off_the_curve = public.to_vec();
        off_the_curve[64] ^= 1;
        let compressed = [&[2 + (public[64] & 1)], &public[1..33]].concat();
        for wrong in [
            &[][..],
            &[4; 65],
            &[0; 65],
            &public[..64],
            &off_the_curve,
            &compressed,
        ] {
            assert!(!is_public_key(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_push_says_how_it_is_to_be_treated_and_nothing_of_what_it_tells() {
        let (ours, theirs): (Signer, Signer) = (
            generate_key().unwrap().parse().unwrap(),
            generate_key().unwrap().parse().unwrap(),
        );
        let token = ours
            .sign("https://push.example", ("mailto:op@example.com", 1))
            .unwrap();
        assert!(!format!("{token:?}").contains("vapid"), "it is a secret");
        let mut message = Message {
            body: b"Troy will burn",
            topic: Some("abc"),
            ttl_s: 60,
            urgency: 3,
        };
        let keys = (theirs.public(), &[7; 16][..]);
        let (head, body) = seal(&message, keys, token.clone()).unwrap();
        assert!(!body.windows(4).any(|part| part == b"Troy") && body.len() > 86);
        let said = |head: &HeaderMap, name: &str| {
            head.get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        for (name, value) in [
            ("ttl", "60"),
            ("urgency", "high"),
            ("topic", "abc"),
            ("content-encoding", "aes128gcm"),
        ] {
            assert_eq!(said(&head, name).as_deref(), Some(value), "{name}");
        }
        let key = format!("k={}", encode_base64(ours.public()));
        assert!(
            said(&head, "authorization")
                .is_some_and(|said| said.starts_with("vapid t=") && said.ends_with(&key))
        );
        (message.body, message.topic) = (b"", None);
        let (head, body) = seal(&message, keys, token).unwrap();
        assert_eq!(
            (
                body.len(),
                said(&head, "content-encoding"),
                said(&head, "topic")
            ),
            (0, None, None)
        );
    }
}
