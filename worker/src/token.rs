//! Hashes of session tokens, and invite codes. A token proves who somebody is, so only
//! its hash is stored; it needs no salt, as nobody can guess a token.

use sha2::{Digest, Sha256};

use crate::error::Error;

/// A random code, such as an invite has: 12 letters and digits that nobody takes for one another,
/// 60 random bits.
pub(crate) fn random_code() -> Result<String, Error> {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz123456789";
    let mut bytes = [0_u8; 12];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Internal(format!("the system gives no randomness: {error}")))?;
    Ok(bytes
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte & 31)))
        .map(|letter| char::from(*letter))
        .collect())
}

/// What the table of sessions holds of a token.
pub(crate) fn hash_token(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_differ_and_a_hash_is_stable() {
        assert_ne!(random_code().unwrap(), random_code().unwrap());
        assert_eq!(hash_token("abc"), hash_token("abc"));
        assert_eq!(
            shared::hex::encode(&hash_token("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
