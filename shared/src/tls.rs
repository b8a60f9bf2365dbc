//! TLS: one implementation of its cryptography, for all that speaks it.

/// Makes ours that of the process. Whoever makes a client that does not name one calls it before.
pub fn install_provider() {
    // Fails only when one is there already, which is as good.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
