//! The two halves of a WebSocket's connection: one task reads, a shard writes.

use std::{
    io::{self, IoSlice, Read, Write},
    sync::Arc,
};

use parking_lot::Mutex;
use rustix::net::{Shutdown, shutdown};
use tokio::net::{
    TcpStream,
    tcp::{OwnedReadHalf, OwnedWriteHalf},
};
use tokio_rustls::rustls::ServerConnection;
use tokio_util::either::Either;

use super::{socket::Socket, stream::Io};

/// What the reading task has.
#[derive(Debug)]
pub enum ReadHalf {
    /// Of TCP.
    Plain(OwnedReadHalf),
    /// Of TLS.
    Tls(Arc<Tls>),
}

/// What the shard has. The client is told the end of the stream when it is dropped.
#[derive(Debug)]
pub enum WriteHalf {
    /// Of TCP.
    Plain(OwnedWriteHalf),
    /// Of TLS.
    Tls(Arc<Tls>),
}

/// A TLS connection that two tasks use: neither waits while it holds the lock.
#[derive(Debug)]
pub struct Tls {
    tcp: TcpStream,
    connection: Mutex<ServerConnection>,
}

/// Cuts a connection into halves.
pub fn split_connection(io: Io) -> (ReadHalf, WriteHalf) {
    match io {
        Either::Left(stream) => {
            let (read, write) = stream.into_split();
            (ReadHalf::Plain(read), WriteHalf::Plain(write))
        }
        Either::Right(stream) => {
            let (tcp, connection) = stream.into_inner();
            let connection = Mutex::new(connection);
            let tls = Arc::new(Tls { tcp, connection });
            (ReadHalf::Tls(Arc::clone(&tls)), WriteHalf::Tls(tls))
        }
    }
}

impl ReadHalf {
    /// Resolves when there may be something to read.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Plain(read) => read.readable().await,
            Self::Tls(tls) => {
                if tls.has_text()? {
                    return Ok(());
                }
                tls.tcp.readable().await
            }
        }
    }

    /// Reads what there is; 0 at the end.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(read) => read.try_read(buffer),
            Self::Tls(tls) => tls.try_read(buffer),
        }
    }
}

impl Socket for WriteHalf {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(write) => write.try_write(bytes),
            Self::Tls(tls) => tls.try_write(&[IoSlice::new(bytes)]),
        }
    }

    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(write) => write.try_write_vectored(slices),
            Self::Tls(tls) => tls.try_write(slices),
        }
    }

    fn try_flush(&self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(tls) => tls.flush(&mut tls.connection.lock()),
        }
    }

    async fn writable(&self) {
        let writable = match self {
            Self::Plain(write) => write.writable().await,
            Self::Tls(tls) => tls.tcp.writable().await,
        };
        // An error shows again at the next write, which handles it.
        if let Err(error) = writable {
            tracing::trace!(%error, "waiting for a socket failed");
        }
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        if let Self::Tls(tls) = self {
            let mut connection = tls.connection.lock();
            connection.send_close_notify();
            if let Err(error) = tls.flush(&mut connection) {
                tracing::trace!(%error, "a connection ends without a word");
            }
            // What the half of TCP does when it is dropped.
            if let Err(error) = shutdown(&tls.tcp, Shutdown::Write) {
                tracing::trace!(%error, "a connection has ended already");
            }
        }
    }
}

impl Tls {
    /// Whether there is text that was not read.
    fn has_text(&self) -> io::Result<bool> {
        let state = self
            .connection
            .lock()
            .process_new_packets()
            .map_err(invalid)?;
        Ok(state.plaintext_bytes_to_read() > 0)
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut connection = self.connection.lock();
        loop {
            match connection.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Without a farewell of TLS: a WebSocket has its own.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                other => return other,
            }
            if connection.read_tls(&mut Tcp(&self.tcp))? == 0 {
                return Ok(0);
            }
            let processed = connection.process_new_packets();
            // What TLS itself has to say; the shard sends what does not fit.
            match self.flush(&mut connection) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
            processed.map_err(invalid)?;
        }
    }

    /// Takes text only when the socket has all that came before.
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut connection = self.connection.lock();
        self.flush(&mut connection)?;
        let taken = connection.writer().write_vectored(slices)?;
        match self.flush(&mut connection) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    fn flush(&self, connection: &mut ServerConnection) -> io::Result<()> {
        while connection.wants_write() {
            connection.write_tls(&mut Tcp(&self.tcp))?;
        }
        Ok(())
    }
}

fn invalid(error: tokio_rustls::rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// TCP for somebody who does not wait.
struct Tcp<'a>(&'a TcpStream);

impl Read for Tcp<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Tcp<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
