//! Password hashes, off the async threads and never more at once than the
//! machine can bear: each takes 19 MiB and some tens of milliseconds.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use shared::error::{Reason, Refusal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// Memory in KiB, passes and lanes: the OWASP recommendation for Argon2id.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// How long a caller should wait when all places are taken, in milliseconds.
const BUSY_RETRY_MS: u64 = 1_000;

/// Hashes and verifies passwords. Clones share the bound.
#[derive(Clone)]
pub(crate) struct Hasher(Arc<Shared>);

struct Shared {
    /// One permit for each hash under way or waiting; without one the caller hears `busy`.
    places: Arc<Semaphore>,
    /// One permit for each hash under way.
    running: Arc<Semaphore>,
    argon2: Argon2<'static>,
    /// What an unknown name is verified against, so that it costs as much as a known one.
    dummy: String,
}

impl Hasher {
    /// At most `running` hashes at once, and `waiting` callers behind them.
    /// Hashes once, so it takes as long as a sign-in.
    pub(crate) fn new(running: usize, waiting: usize) -> Result<Self, Error> {
        let (memory, passes, lanes) = COST;
        let params = Params::new(memory, passes, lanes, None).map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = hash(&argon2, "nobody has this password")?;
        let running = running.max(1);
        Ok(Self(Arc::new(Shared {
            places: Arc::new(Semaphore::new(running + waiting)),
            running: Arc::new(Semaphore::new(running)),
            argon2,
            dummy,
        })))
    }

    /// The hash of a new password, in PHC form.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Error> {
        self.run(move |shared| hash(&shared.argon2, &password))
            .await
    }

    /// Whether the password belongs to the hash. Without a hash the answer is
    /// no, after the same work.
    pub(crate) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, Error> {
        self.run(move |shared| {
            let text = hash.as_deref().unwrap_or(&shared.dummy);
            let parsed = PasswordHash::new(text).map_err(failed)?;
            // Compares in constant time, with the costs that the hash names.
            let same = shared
                .argon2
                .verify_password(password.as_bytes(), &parsed)
                .is_ok();
            Ok(same && hash.is_some())
        })
        .await
    }

    /// Takes a place for as long as the result lives.
    pub(crate) fn occupy(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let place = self.0.places.clone().try_acquire_owned();
        place.map_err(|_none_left| Refusal::retry(Reason::Busy, BUSY_RETRY_MS))
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let place = self.occupy()?;
        let permit = self.0.running.clone().acquire_owned().await;
        let permit = permit.map_err(|closed| Error::Internal(closed.to_string()))?;
        // Both move into the thread: a caller who gives up does not stop the work, so it
        // must still count.
        let shared = self.0.clone();
        tokio::task::spawn_blocking(move || {
            let result = work(&shared);
            drop((permit, place));
            result
        })
        .await
        .map_err(|panic| Error::Internal(panic.to_string()))?
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String, Error> {
    argon2
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("argon2: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_name_verifies() {
        let hasher = Hasher::new(2, 8).unwrap();
        let hash = hasher.hash("correct horse".to_owned()).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let verify = |password: &str, hash: Option<&String>| {
            hasher.verify(password.to_owned(), hash.cloned())
        };
        assert!(verify("correct horse", Some(&hash)).await.unwrap());
        assert!(!verify("wrong horse", Some(&hash)).await.unwrap());
        // Not even the password of the dummy opens a name that does not exist.
        assert!(!verify("nobody has this password", None).await.unwrap());
        assert!(verify("x", Some(&"no hash".to_owned())).await.is_err());
    }

    #[tokio::test]
    async fn who_finds_no_place_hears_busy() {
        let hasher = Hasher::new(1, 1).unwrap();
        let places = [(); 2].map(|()| hasher.occupy().unwrap());
        let refused = hasher.hash("password".to_owned()).await.unwrap_err();
        assert_eq!(refused.refusal().reason, Reason::Busy);
        drop(places);
        assert!(hasher.hash("password".to_owned()).await.is_ok());
    }
}
