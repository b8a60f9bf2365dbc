//! The browser's side of RFC 8291: its keys, and what they open.

use anyhow::{Context, Result, anyhow, bail};
use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree},
    encoding::{AsBigEndian, EcPrivateKeyBin},
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
    rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Bytes of a point of P-256 that is not compressed.
const POINT: usize = 65;

/// A key pair of who sends pushes, as operators have it: the private and the public key, in base64url.
pub fn generate_sender() -> Result<(String, String)> {
    let key = PrivateKey::generate(&ECDH_P256)?;
    let private: EcPrivateKeyBin<'_> = key.as_be_bytes()?;
    let private = URL_SAFE_NO_PAD.encode(private.as_ref());
    Ok((private, URL_SAFE_NO_PAD.encode(key.compute_public_key()?)))
}

/// The keys of a browser.
#[derive(Debug)]
pub struct BrowserKeys {
    private: PrivateKey,
    public: Vec<u8>,
    auth: [u8; 16],
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(key: &Prk, info: &[&[u8]]) -> Result<[u8; N]> {
    let mut out = [0; N];
    let expanded = key
        .expand(info, Length(N))
        .and_then(|material| material.fill(&mut out));
    expanded.map_err(|_| anyhow!("HKDF"))?;
    Ok(out)
}

impl BrowserKeys {
    /// New ones.
    pub fn generate() -> Result<Self> {
        let private = PrivateKey::generate(&ECDH_P256)?;
        let public = private.compute_public_key()?.as_ref().to_vec();
        let mut auth = [0; 16];
        rand::fill(&mut auth)?;
        Ok(Self {
            private,
            public,
            auth,
        })
    }

    /// The public key: a point that is not compressed.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// What it shares with who sends.
    pub const fn auth(&self) -> &[u8] {
        &self.auth
    }

    /// Opens a push of one record (RFC 8188): salt, size of records, length of the key, key, record.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>> {
        let (salt, rest) = sealed.split_at_checked(16).context("no salt")?;
        let (_size, rest) = rest.split_at_checked(4).context("no size")?;
        let (length, rest) = rest.split_first().context("no length")?;
        if usize::from(*length) != POINT {
            bail!("no key");
        }
        let (sender, record) = rest.split_at_checked(POINT).context("no key")?;
        let peer = UnparsedPublicKey::new(&ECDH_P256, sender);
        let shared = agree(&self.private, peer, anyhow!("ECDH"), |secret| {
            let key = Salt::new(HKDF_SHA256, &self.auth).extract(secret);
            expand::<32>(&key, &[b"WebPush: info\0", &self.public, sender])
        })?;
        let key = Salt::new(HKDF_SHA256, salt).extract(&shared);
        let content = expand::<16>(&key, &[b"Content-Encoding: aes128gcm\0"])?;
        let nonce = expand::<12>(&key, &[b"Content-Encoding: nonce\0"])?;
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &content)?);
        let mut text = record.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = cipher.open_in_place(nonce, Aad::empty(), &mut text)?;
        let end = opened
            .iter()
            .rposition(|byte| *byte != 0)
            .context("nothing")?;
        // The last record ends with a 2, and zeros.
        match opened.split_at_checked(end) {
            Some((text, [2, ..])) => Ok(text.to_vec()),
            _ => bail!("not the last record"),
        }
    }
}
