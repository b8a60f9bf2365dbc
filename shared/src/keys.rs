//! The keys of a cluster: what seals secrets on their way through Redis, what makes and
//! checks tokens, and what hides network addresses.
//!
//! Both programs are given the same list of secrets. The first one makes what is new,
//! all of them read what is there: so a secret is replaced by putting a new one in
//! front, and the old one goes when nothing made with it may live any longer.

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom, SystemRandom},
};

use crate::{
    hex,
    ids::{SessionId, UserId},
    recent::Recent,
};

/// The shortest secret, in bytes: 32 hexadecimal digits are 128 bits.
const MIN_SECRET_BYTES: usize = 32;
/// The most secrets of one list.
const MAX_SECRETS: usize = 8;
/// What names a secret in what was made with it.
const ID_BYTES: usize = 4;
/// What gives each process that seals a key of its own, and each session a token.
const SALT_BYTES: usize = 16;
/// The number of a sealed body among those of its process: it is the nonce.
const NUMBER_BYTES: usize = 8;
/// How many processes' keys are remembered, at most; others are derived again.
const SEALERS: usize = 4_096;
/// The length of what authenticates a token.
const MAC_BYTES: usize = 32;
/// Key id, account, session, salt, MAC.
const TOKEN_BYTES: usize = ID_BYTES + 8 + 8 + SALT_BYTES + MAC_BYTES;

/// The keys that the members of a cluster share. Clones are cheap.
#[derive(Clone)]
pub struct ClusterKeys(Arc<Keys>);

struct Keys {
    list: Vec<Key>,
    /// What this process seals with, once it has sealed something.
    own: OnceLock<Sealer>,
    /// The keys of other processes that sealed something that was opened.
    others: Mutex<Recent<Origin, Arc<LessSafeKey>>>,
}

/// Which process sealed something, and with which of the secrets.
type Origin = ([u8; ID_BYTES], Salt);

/// The key that one process seals with: 128 random bits make it, and each body has a number,
/// so that no nonce repeats.
struct Sealer {
    origin: Origin,
    key: LessSafeKey,
    sealed: AtomicU64,
}

struct Key {
    id: [u8; ID_BYTES],
    /// Derives the key that a process seals with.
    seal: hmac::Key,
    /// Signs tokens.
    token: hmac::Key,
    /// Hides network addresses.
    address: hmac::Key,
    /// Hides names that somebody signs in with.
    account: hmac::Key,
}

/// The text is no list of secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cluster key is 1 to {MAX_SECRETS} secrets of at least {MIN_SECRET_BYTES} characters, \
     separated by commas: `openssl rand -hex 32` makes one"
)]
pub struct NoKeys;

/// What was to be opened was not sealed with any of these keys, or not for this purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this was not sealed with a key of this cluster")]
pub struct NotSealed;

/// The system gave no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no randomness")]
pub struct NoRandomness;

/// What makes a session's token unguessable even for somebody who has the keys: random,
/// and stored with the session.
pub type Salt = [u8; SALT_BYTES];

/// Whom a token names. That it is signed says that a worker of this cluster made it,
/// not that its session is still open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The account.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
}

impl ClusterKeys {
    /// Seals `bytes` for one purpose: only who names the same one can open them.
    pub fn seal(&self, purpose: &[u8], bytes: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let own = if let Some(own) = self.0.own.get() {
            own
        } else {
            let new = self.sealer()?;
            self.0.own.get_or_init(|| new)
        };
        let (id, salt) = own.origin;
        let number = own.sealed.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let head = [&id[..], &salt, &number];
        let begin: usize = head.iter().map(|part| part.len()).sum();
        let mut sealed = Vec::with_capacity(begin + bytes.len() + AES_256_GCM.tag_len());
        for part in head.into_iter().chain([bytes]) {
            sealed.extend_from_slice(part);
        }
        let text = sealed.get_mut(begin..).unwrap_or_default();
        let tag = own
            .key
            .seal_in_place_separate_tag(nonce(number), Aad::from(purpose), text)
            .map_err(|_unspecified| NoRandomness)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    fn sealer(&self) -> Result<Sealer, NoRandomness> {
        // The list is never empty: `from_str` sees to that.
        let key = self.0.list.first().ok_or(NoRandomness)?;
        let salt = Self::draw_salt()?;
        Ok(Sealer {
            origin: (key.id, salt),
            key: key.sealing(salt).ok_or(NoRandomness)?,
            sealed: AtomicU64::new(0),
        })
    }

    /// Opens what [`Self::seal`] sealed for the same purpose.
    pub fn open(&self, purpose: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotSealed> {
        let open = || {
            let (id, rest) = sealed.split_first_chunk::<ID_BYTES>()?;
            let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>()?;
            let (number, text) = rest.split_first_chunk::<NUMBER_BYTES>()?;
            let origin = (*id, *salt);
            let known = self.others().get(&origin).cloned();
            let key = match &known {
                Some(key) => Arc::clone(key),
                None => Arc::new(self.named(*id)?.sealing(*salt)?),
            };
            let mut text = text.to_vec();
            let length = key
                .open_in_place(nonce(*number), Aad::from(purpose), &mut text)
                .ok()?
                .len();
            text.truncate(length);
            if known.is_none() {
                // Only now: who has no secret puts nothing there.
                self.others().insert(origin, key);
            }
            Some(text)
        };
        open().ok_or(NotSealed)
    }

    fn others(&self) -> std::sync::MutexGuard<'_, Recent<Origin, Arc<LessSafeKey>>> {
        self.0.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands for a network address outside of the gateway that it speaks to: the same
    /// number on every gateway with the same first secret, and nothing that somebody without
    /// it could find the address from by trying all there are.
    pub fn hash_address(&self, network: &[u8]) -> u64 {
        let key = self.0.list.first();
        key.map_or(0, |key| short(&key.address, network))
    }

    /// What stands for the name of an account in Redis, likewise: names are easier to try
    /// than addresses.
    pub fn hash_name(&self, name: &str) -> u64 {
        let key = self.0.list.first();
        key.map_or(0, |key| short(&key.account, name.as_bytes()))
    }

    /// A salt for a new session.
    pub fn draw_salt() -> Result<Salt, NoRandomness> {
        let mut salt = [0; SALT_BYTES];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_unspecified| NoRandomness)?;
        Ok(salt)
    }

    /// The token of a session: the same whenever it is made again with the same salt and
    /// the same first secret.
    pub fn sign_token(&self, user: UserId, session: SessionId, salt: Salt) -> String {
        self.sign_tokens(user, session, salt)
            .next()
            .unwrap_or_default()
    }

    /// What the token of a session may be, by the newest secret first.
    pub fn sign_tokens(
        &self,
        user: UserId,
        session: SessionId,
        salt: Salt,
    ) -> impl Iterator<Item = String> {
        self.0.list.iter().map(move |key| {
            let claim = [
                &key.id[..],
                &user.get().to_be_bytes(),
                &session.get().to_be_bytes(),
                &salt,
            ]
            .concat();
            let mac = hmac::sign(&key.token, &claim);
            hex::encode(&[&claim, mac.as_ref()].concat())
        })
    }

    /// Whom a token names; `None` for what no worker of this cluster made.
    pub fn check_token(&self, token: &str) -> Option<Claim> {
        let bytes = hex::decode::<TOKEN_BYTES>(token)?;
        let (claim, mac) = bytes.split_last_chunk::<MAC_BYTES>()?;
        let (id, rest) = claim.split_first_chunk::<ID_BYTES>()?;
        let (user, rest) = rest.split_first_chunk::<8>()?;
        let (session, _salt) = rest.split_first_chunk::<8>()?;
        // Compares in constant time.
        hmac::verify(&self.named(*id)?.token, claim, mac).ok()?;
        Some(Claim {
            user: UserId::new(u64::from_be_bytes(*user))?,
            session: SessionId::new(u64::from_be_bytes(*session))?,
        })
    }

    fn named(&self, id: [u8; ID_BYTES]) -> Option<&Key> {
        self.0.list.iter().find(|key| key.id == id)
    }
}

impl Key {
    fn new(secret: &str) -> Option<Self> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let derive = |label: &[u8]| hmac::sign(&root, label);
        let key = |label: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, derive(label).as_ref());
        Some(Self {
            id: *derive(b"confab name").as_ref().first_chunk()?,
            seal: key(b"confab seal"),
            token: key(b"confab token"),
            address: key(b"confab address"),
            account: key(b"confab account name"),
        })
    }

    /// Each process has a key of its own, so that the number of bodies that one secret may
    /// seal has no bound that anybody reaches.
    fn sealing(&self, salt: Salt) -> Option<LessSafeKey> {
        let derived = hmac::sign(&self.seal, &salt);
        UnboundKey::new(&AES_256_GCM, derived.as_ref())
            .ok()
            .map(LessSafeKey::new)
    }
}

/// A short hash that nobody without the key can make.
fn short(key: &hmac::Key, text: &[u8]) -> u64 {
    let mac = hmac::sign(key, text);
    mac.as_ref()
        .first_chunk()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

fn nonce(number: [u8; NUMBER_BYTES]) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce
        .iter_mut()
        .zip(number)
        .for_each(|(byte, of_number)| *byte = of_number);
    Nonce::assume_unique_for_key(nonce)
}

impl FromStr for ClusterKeys {
    type Err = NoKeys;

    fn from_str(text: &str) -> Result<Self, NoKeys> {
        let secrets: Vec<&str> = text.trim().split(',').map(str::trim).collect();
        let fit = secrets.len() <= MAX_SECRETS
            && secrets
                .iter()
                .all(|secret| secret.len() >= MIN_SECRET_BYTES);
        if !fit {
            return Err(NoKeys);
        }
        let list = secrets.into_iter().map(Key::new).collect::<Option<_>>();
        let keys = |list| Keys {
            list,
            own: OnceLock::new(),
            others: Mutex::new(Recent::new(SEALERS)),
        };
        Ok(Self(Arc::new(keys(list.ok_or(NoKeys)?))))
    }
}

impl fmt::Debug for ClusterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterKeys")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Wire;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    fn keys(text: &str) -> ClusterKeys {
        text.parse().unwrap()
    }

    #[test]
    fn only_long_secrets_are_keys() {
        for bad in ["", "short", ",", &format!("{OLD},"), &format!("{OLD},x")] {
            assert_eq!(bad.parse::<ClusterKeys>().unwrap_err(), NoKeys, "{bad}");
        }
        let many = [OLD; MAX_SECRETS + 1].join(",");
        assert!(many.parse::<ClusterKeys>().is_err());
        assert_eq!(format!("{:?}", keys(OLD)), "ClusterKeys");
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_alone() {
        let keys = keys(OLD);
        let sealed = keys.seal(b"a", b"correct horse").unwrap();
        assert!(!sealed.windows(7).any(|part| part == b"correct"));
        assert_ne!(sealed, keys.seal(b"a", b"correct horse").unwrap());
        assert_eq!(keys.open(b"a", &sealed).unwrap(), b"correct horse");
        assert_eq!(keys.open(b"b", &sealed), Err(NotSealed));
        let other: ClusterKeys = NEW.parse().unwrap();
        assert_eq!(other.open(b"a", &sealed), Err(NotSealed));
        for place in 0..sealed.len() {
            let mut broken = sealed.clone();
            broken[place] ^= 1;
            assert_eq!(keys.open(b"a", &broken), Err(NotSealed), "{place}");
            assert!(keys.open(b"a", &sealed[..place]).is_err());
        }
    }

    #[test]
    fn only_processes_with_a_secret_are_remembered() {
        let (one, other) = (keys(OLD), keys(OLD));
        for text in [b"a", b"b", b"c"] {
            let sealed = one.seal(b"", text).unwrap();
            let mut invented = sealed.clone();
            invented[ID_BYTES] ^= 1;
            assert_eq!(other.open(b"", &invented), Err(NotSealed));
            assert_eq!(other.open(b"", &sealed).unwrap(), text);
            assert_eq!(other.others().len(), 1);
        }
    }

    #[test]
    fn a_new_secret_in_front_reads_what_the_old_one_made() {
        let (old, both) = (keys(OLD), keys(&format!("{NEW},{OLD}")));
        let (user, session) = (UserId::sample(), SessionId::sample());
        let token = old.sign_token(user, session, [7; SALT_BYTES]);
        let claim = Claim { user, session };
        assert_eq!(both.check_token(&token), Some(claim));
        let sealed = old.seal(b"a", b"x").unwrap();
        assert_eq!(both.open(b"a", &sealed).unwrap(), b"x");
        assert_ne!(both.sign_token(user, session, [7; SALT_BYTES]), token);
        assert!(
            both.sign_tokens(user, session, [7; SALT_BYTES])
                .any(|same| same == token)
        );
        assert_eq!(keys(NEW).check_token(&token), None);
    }

    #[test]
    fn an_address_is_hidden_by_the_first_secret() {
        let hash = |text: &str, network: &[u8]| keys(text).hash_address(network);
        let both = format!("{OLD},{NEW}");
        assert_eq!(hash(OLD, &[10, 0, 0, 1]), hash(&both, &[10, 0, 0, 1]));
        assert_ne!(hash(OLD, &[10, 0, 0, 1]), hash(OLD, &[10, 0, 0, 2]));
        assert_ne!(hash(OLD, &[10, 0, 0, 1]), hash(NEW, &[10, 0, 0, 1]));
    }

    #[test]
    fn a_name_is_hidden_by_the_first_secret_and_is_no_address() {
        let hash = |text: &str| keys(text).hash_name("alice");
        assert_eq!(hash(OLD), hash(&format!("{OLD},{NEW}")));
        assert_ne!(hash(OLD), hash(NEW));
        assert_ne!(hash(OLD), keys(OLD).hash_name("bob"));
        assert_ne!(hash(OLD), keys(OLD).hash_address(b"alice"));
    }

    #[test]
    fn a_token_is_made_again_and_cannot_be_changed() {
        let keys = keys(OLD);
        let (user, session) = (UserId::sample(), SessionId::sample());
        let token = keys.sign_token(user, session, [1; SALT_BYTES]);
        assert_eq!(token, keys.sign_token(user, session, [1; SALT_BYTES]));
        assert_ne!(token, keys.sign_token(user, session, [2; SALT_BYTES]));
        assert_eq!(token.len(), TOKEN_BYTES * 2);
        for place in 0..token.len() {
            let mut broken = token.clone().into_bytes();
            broken[place] = if broken[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(keys.check_token(&String::from_utf8(broken).unwrap()), None);
        }
        assert_eq!(keys.check_token(&token.to_uppercase()), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let keys = keys(OLD);
            prop_assert_eq!(keys.check_token(&text), None);
            prop_assert!(keys.open(b"", &bytes).is_err());
        }
    }
}
