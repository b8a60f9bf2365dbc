//! A socket of a loop that waits for thousands of them at once: what is not whole yet stays with
//! it, and so does what it did not take yet. An idle one keeps no buffers.

use std::os::fd::OwnedFd;

use rustix::{
    event::epoll::{self, EventData, EventFlags},
    io::Errno,
    net::{self, RecvFlags, SendFlags},
};

/// Bytes of one read. A busy socket gives many frames at once.
pub const READ: usize = 256 * 1_024;

/// A socket that an epoll watches.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    token: u64,
    /// What the epoll waits for.
    interest: EventFlags,
    /// The beginning of what is not whole yet.
    partial: Vec<u8>,
    /// What the socket did not take yet.
    out: Vec<u8>,
}

/// The socket has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

impl Socket {
    /// Lets an epoll watch a socket, under this token.
    pub fn watch(
        fd: OwnedFd,
        epoll: &OwnedFd,
        token: usize,
        interest: EventFlags,
    ) -> Result<Self, Errno> {
        let token = token as u64;
        epoll::add(epoll, &fd, EventData::new_u64(token), interest)?;
        Ok(Self {
            fd,
            token,
            interest,
            partial: Vec::new(),
            out: Vec::new(),
        })
    }

    /// Lets the epoll wait for bytes, if they are wanted, and for room while something waits.
    pub fn set_interest(&mut self, epoll: &OwnedFd, reads: bool) -> Result<(), Gone> {
        let mut interest = EventFlags::empty();
        interest.set(EventFlags::IN, reads);
        interest.set(EventFlags::OUT, !self.out.is_empty());
        if interest != self.interest {
            self.interest = interest;
            let data = EventData::new_u64(self.token);
            epoll::modify(epoll, &self.fd, data, interest).map_err(|_error| Gone)?;
        }
        Ok(())
    }

    /// What waits for room.
    pub const fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Reads once, behind what was kept; `None` when nothing is there. What is left makes the
    /// socket ready again.
    pub fn read<'b>(
        &mut self,
        buffer: &'b mut Vec<u8>,
        most: usize,
    ) -> Result<Option<&'b mut [u8]>, Gone> {
        let kept = self.partial.len();
        if buffer.len() < kept + READ / 2 {
            // The first read, or a frame larger than the buffer: a long snapshot.
            buffer.resize(kept + READ, 0);
        }
        if let Some(front) = buffer.get_mut(..kept) {
            front.copy_from_slice(&self.partial);
        }
        let end = buffer.len().min(kept.saturating_add(most));
        let space = buffer.get_mut(kept..end).unwrap_or_default();
        match net::recv(&self.fd, space, RecvFlags::empty()) {
            Ok((_, 0)) => Err(Gone),
            Ok((_, length)) => Ok(buffer.get_mut(..kept + length)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(_broken) => Err(Gone),
        }
    }

    /// Keeps what was read and is not whole.
    pub fn keep(&mut self, rest: &[u8]) {
        if rest.is_empty() {
            self.partial = Vec::new();
        } else {
            self.partial.clear();
            self.partial.extend_from_slice(rest);
        }
    }

    /// Writes at once; what the socket does not take waits.
    pub fn send(&mut self, mut bytes: &[u8]) -> Result<(), Gone> {
        while self.out.is_empty() && !bytes.is_empty() {
            match net::send(&self.fd, bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_broken) => return Err(Gone),
            }
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes what waits.
    pub fn flush(&mut self) -> Result<(), Gone> {
        let out = std::mem::take(&mut self.out);
        self.send(&out)
    }
}
