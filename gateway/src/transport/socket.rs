//! What a connection is written to.

use std::io::{self, IoSlice};

/// Where the bytes of a connection go.
pub trait Socket: Send + Sync + 'static {
    /// Writes what the socket takes at once: a cheaper call for one frame.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write_vectored(&[IoSlice::new(bytes)])
    }
    /// Writes what the socket takes at once.
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Writes at once what the layers above the socket still hold of what was written.
    fn try_flush(&self) -> io::Result<()> {
        Ok(())
    }
    /// Resolves when the socket may take more.
    fn writable(&self) -> impl Future<Output = ()> + Send;
}
