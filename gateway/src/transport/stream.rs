//! A connection while HTTP is spoken on it: whoever does not take what he asked for is cut.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// How much of a response has to be taken in the time of a stall.
const SLICE: usize = 256 * 1_024;

/// A connection with a limit on how long a response may wait for its reader.
pub struct Stream<I = Io> {
    io: I,
    stall: Duration,
    /// Since when something waits to be taken, and how much was taken since then.
    busy: Option<(Instant, usize)>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// What is below HTTP: TCP, or TLS over it.
pub type Io = Either<TcpStream, Box<TlsStream<TcpStream>>>;

impl<I> Stream<I> {
    /// A connection whose reader may take nothing for as long as `stall`, and may need so
    /// long for each 256 KiB.
    pub const fn new(io: I, stall: Duration) -> Self {
        Self {
            io,
            stall,
            busy: None,
            timer: None,
        }
    }

    /// What is below HTTP.
    pub fn into_io(self) -> I {
        self.io
    }

    /// Something was taken, or not. In the second case the time runs.
    fn took<T>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<T>>,
        bytes: impl FnOnce(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        match result {
            Poll::Ready(Ok(value)) => {
                if let Some((_, taken)) = &mut self.busy {
                    *taken += bytes(&value);
                }
                self.timer = None;
                Poll::Ready(Ok(value))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let (since, taken) = *self.busy.get_or_insert((Instant::now(), 0));
                let slices = u32::try_from(taken / SLICE).unwrap_or(u32::MAX);
                let end = since + self.stall.saturating_mul(slices.saturating_add(1));
                let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
                ready!(timer.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Stream<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Stream<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.took(cx, written, |count| *count)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, slices);
        this.took(cx, written, |count| *count)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        let flushed = this.took(cx, flushed, |()| 0);
        if flushed.is_ready() {
            this.busy = None;
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let done = Pin::new(&mut this.io).poll_shutdown(cx);
        this.took(cx, done, |()| 0)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const STALL: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn who_takes_nothing_of_a_response_is_cut() {
        let (near, far) = duplex(1_000);
        let mut stream = Stream::new(near, STALL);
        let error = stream.write_all(&[0; 10_000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(far);
    }

    #[tokio::test]
    async fn who_takes_by_drops_is_cut() {
        let (near, mut far) = duplex(1_000);
        let mut stream = Stream::new(near, STALL);
        let dripping = async {
            // Each time the writer gets on, and never far enough.
            let mut drops = tokio::time::interval(Duration::from_millis(1));
            while far.read(&mut [0; 10]).await.is_ok_and(|count| count > 0) {
                drops.tick().await;
            }
        };
        let bytes = vec![0; 10 << 20];
        tokio::select! {
            written = stream.write_all(&bytes) => {
                assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
            }
            () = dripping => panic!("the other end was closed"),
        }
    }

    #[tokio::test]
    async fn who_reads_gets_everything() {
        let (near, mut far) = duplex(1_000);
        let mut stream = Stream::new(near, STALL * 20);
        let bytes = vec![7; 1 << 20];
        let mut read = Vec::new();
        let writing = async {
            stream.write_all(&bytes).await?;
            stream.shutdown().await
        };
        let (written, _) = tokio::join!(writing, far.read_to_end(&mut read));
        written.unwrap();
        assert_eq!(read, bytes);
    }
}
