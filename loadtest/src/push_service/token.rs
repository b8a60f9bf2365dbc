//! Whether a sender is who he says (RFC 8292): a token signed by the key that the browser subscribed with.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use shared::clock::Clock;

/// A token is good for so many seconds at most.
const DAY: u64 = 24 * 3_600;

#[derive(Deserialize)]
struct Claims {
    aud: String,
    exp: u64,
    sub: String,
}

/// Whether `vapid t=…, k=…` is signed by that key, for this origin, and for now.
pub(super) fn is_for(authorization: &str, key: &[u8], origin: &str) -> bool {
    read(authorization, key).is_some_and(|claims| {
        let now = Clock::system().now_ms() / 1_000;
        let in_time = claims.exp > now && claims.exp <= now + DAY;
        let names_somebody = claims.sub.starts_with("mailto:") || claims.sub.starts_with("https:");
        claims.aud == origin && in_time && names_somebody
    })
}

fn read(authorization: &str, key: &[u8]) -> Option<Claims> {
    let said = authorization.strip_prefix("vapid ")?;
    let field = |name: &str| {
        said.split(',')
            .find_map(|part| part.trim().strip_prefix(name))
    };
    let (token, said_key) = (field("t=")?, URL_SAFE_NO_PAD.decode(field("k=")?).ok()?);
    let (signed, signature) = token.rsplit_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let verifier = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key);
    verifier.verify(signed.as_bytes(), &signature).ok()?;
    let (_, claims) = signed.split_once('.')?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    (said_key == key).then(|| serde_json::from_slice(&claims).ok())?
}
