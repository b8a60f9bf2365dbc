//! Signatures are good for hours and for everything at one push service: each is made once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{
    config::PushKeys,
    message::{PushError, SIGNED_S, Signature},
};

/// Origins that are remembered: push services have a handful.
const MAX: usize = 256;

/// Those that were made, by public key and origin, and until when each is good.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    made: Mutex<HashMap<(Vec<u8>, String), (Signature, u64)>>,
}

impl Signatures {
    /// Signs for an origin with the key that the browser asked for; none where that is not one of ours.
    pub(super) fn sign(
        &self,
        keys: &PushKeys,
        (public, origin): (&[u8], String),
        now_s: u64,
    ) -> Result<Option<Signature>, PushError> {
        let Some(signer) = keys.find(public) else {
            return Ok(None);
        };
        let place = (public.to_vec(), origin);
        if let Some((signature, until)) = self
            .made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&place)
            && now_s + SIGNED_S / 2 < *until
        {
            return Ok(Some(signature.clone()));
        }
        let until = now_s + SIGNED_S;
        let signature = signer.sign(&place.1, (&keys.contact, until))?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= MAX {
            made.clear();
        }
        made.insert(place, (signature.clone(), until));
        Ok(Some(signature))
    }
}
