//! TLS: one implementation of its cryptography, for all that speaks it.

/// Makes ours that of the process. To be called before a client is made that does not name one.
pub fn install_provider() {
    // Fails only when one is there already, which is as good.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
