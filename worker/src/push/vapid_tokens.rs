//! Tokens are good for hours and for everything at one push service: each is made once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{
    config::PushKeys,
    message::{PushError, SIGNED_S, VapidToken},
};

/// Origins that are remembered: push services have a handful.
const MAX: usize = 256;

/// A public key of ours, and an origin.
type Place = (Vec<u8>, String);

/// Those that were made, by public key and origin, and until when each is good.
#[derive(Debug, Default)]
pub(super) struct VapidTokens {
    made: Mutex<HashMap<Place, (VapidToken, u64)>>,
}

impl VapidTokens {
    /// Signs for an origin with the key that the browser asked for; none where that is not one of ours.
    pub(super) fn sign(
        &self,
        keys: &PushKeys,
        (public, origin): (&[u8], String),
        now_s: u64,
    ) -> Result<Option<VapidToken>, PushError> {
        let Some(signer) = keys.find(public) else {
            return Ok(None);
        };
        let place = (public.to_vec(), origin);
        if let Some((token, until)) = self
            .made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&place)
            && now_s + SIGNED_S / 2 < *until
        {
            return Ok(Some(token.clone()));
        }
        let until = now_s + SIGNED_S;
        let token = signer.sign(&place.1, (&keys.contact, until))?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= MAX {
            made.clear();
        }
        made.insert(place, (token.clone(), until));
        Ok(Some(token))
    }
}
