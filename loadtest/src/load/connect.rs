//! How members connect, and come back; what they read and write.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rustix::{
    event::epoll::EventFlags,
    io::Errno,
    net::{self, AddressFamily, SocketFlags, SocketType},
};
use shared::{
    frame::opcode,
    protocol::control::{Identify, Resume, TopicSeq},
};

use super::{
    clock::{self, SECOND},
    shard::{Core, Later},
    virtual_user::{Link, Phase, VirtualUser},
};
use crate::{
    requests::encode_control,
    socket::{READ, Socket},
    websocket::{Control, Data, OpCode, read_frame, upgrade_request, write_frame},
};

/// Attempts to connect before a member is given up.
const MAX_TRIES: u32 = 200;
/// The receive buffer of a reader that is to be felt soon.
const SLOW_BUFFER: usize = 4_096;

impl VirtualUser {
    /// Begins a connection, unless there is one.
    pub(super) fn connect(&mut self, core: &mut Core, now: u64) {
        if self.link.is_some() {
            return;
        }
        if self.tries == 0 && !self.resumes {
            self.since = now;
        }
        match self.open_socket(core) {
            Ok(socket) => {
                self.link = Some(Link {
                    socket,
                    phase: Phase::Dialing,
                    heard_at: now,
                    beat_at: now,
                    unanswered: None,
                    step_at: now,
                });
                core.in_progress += 1;
            }
            Err(error) => {
                core.note_fault(|| format!("a connection could not be made: {error}"));
                self.retry_later(core, now);
            }
        }
    }

    fn open_socket(&self, core: &mut Core) -> Result<Socket, Errno> {
        let gateway = core.setup.gateways.get(self.gateway).copied();
        let gateway = gateway.ok_or(Errno::ADDRNOTAVAIL)?;
        let family = if gateway.is_ipv4() {
            AddressFamily::INET
        } else {
            AddressFamily::INET6
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
        net::sockopt::set_tcp_nodelay(&socket, true)?;
        if self.slow.is_some() {
            net::sockopt::set_socket_recv_buffer_size(&socket, SLOW_BUFFER)?;
        }
        if let Some(source) = source(gateway, core.setup.addresses, self.at) {
            net::bind(&socket, &source)?;
        }
        match net::connect(&socket, &gateway) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error),
        }
        let interest = EventFlags::IN | EventFlags::OUT;
        let mut socket = Socket::watch(socket, &core.epoll, self.at, interest)?;
        let key = (u128::from(core.random.next()) << 64) | u128::from(core.random.next());
        // Leaves as soon as the socket can be written to.
        *socket.out() = upgrade_request(gateway, key.to_ne_bytes());
        Ok(socket)
    }

    pub(super) fn on_readiness(&mut self, core: &mut Core, flags: EventFlags) {
        if flags.contains(EventFlags::OUT) {
            // Connected at last, or room to write again.
            if self.phase() == Some(Phase::Dialing) {
                self.set_phase(Phase::Upgrading);
            }
            self.flush(core);
        }
        let ended = flags.intersects(EventFlags::ERR | EventFlags::HUP);
        if ended || (flags.contains(EventFlags::IN) && !self.reads_slowly()) {
            self.read(core, READ);
        }
    }

    /// A slow reader opens its session like the others.
    fn reads_slowly(&self) -> bool {
        self.slow.is_some() && self.is_open()
    }

    /// Reads once: what is left makes the socket ready again.
    pub(super) fn read(&mut self, core: &mut Core, most: usize) {
        let Some(link) = &mut self.link else {
            return;
        };
        let mut buffer = std::mem::take(&mut core.buffer);
        match link.socket.read(&mut buffer, most) {
            Ok(Some(bytes)) => {
                let now = clock::now();
                link.heard_at = now;
                link.unanswered = None;
                self.take_frames(core, bytes, now);
            }
            Ok(None) => {}
            Err(_gone) => self.lose(core, 0),
        }
        core.buffer = buffer;
    }

    /// Takes all whole frames, and keeps the rest with the connection.
    fn take_frames(&mut self, core: &mut Core, bytes: &[u8], now: u64) {
        let mut rest = bytes;
        if self.phase() == Some(Phase::Upgrading) {
            match self.on_upgrade(core, bytes, now) {
                Some(length) => rest = bytes.get(length..).unwrap_or_default(),
                None => return self.keep(bytes),
            }
        }
        loop {
            match read_frame(rest, false) {
                Ok(None) => return self.keep(rest),
                Ok(Some(frame)) => {
                    let end = frame.payload.end;
                    let payload = rest.get(frame.payload).unwrap_or_default();
                    match frame.opcode {
                        OpCode::Data(_) => self.on_frame(core, payload, now),
                        OpCode::Control(Control::Ping) => {
                            self.write(core, OpCode::Control(Control::Pong), payload);
                        }
                        OpCode::Control(Control::Close) => {
                            let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                            return self.lose(core, code.unwrap_or_default());
                        }
                        OpCode::Control(_) => {}
                    }
                    rest = rest.get(end..).unwrap_or_default();
                }
                Err(broken) => {
                    core.note_fault(|| broken.to_string());
                    return self.lose(core, 0);
                }
            }
        }
    }

    fn keep(&mut self, rest: &[u8]) {
        if let Some(link) = &mut self.link {
            link.socket.keep(rest);
        }
    }

    /// Sends a heartbeat, unless the last one was a moment ago.
    pub(super) fn beat(&mut self, core: &mut Core, heartbeat: &[u8], now: u64) {
        let third = core.heartbeat / 3;
        if let Some(link) = &mut self.link
            && now.saturating_sub(link.beat_at) > third
        {
            link.beat_at = now;
            link.unanswered.get_or_insert(now);
            self.send(core, heartbeat);
        }
    }

    /// Queues a frame; it leaves when the loop has done the rest.
    pub(super) fn send(&mut self, core: &mut Core, payload: &[u8]) {
        self.write(core, OpCode::Data(Data::Binary), payload);
    }

    fn write(&mut self, core: &mut Core, opcode: OpCode, payload: &[u8]) {
        if let Some(link) = &mut self.link {
            if link.socket.out().is_empty() {
                core.dirty.push(self.at);
            }
            let [.., a, b, c, d] = core.random.next().to_be_bytes();
            write_frame(link.socket.out(), opcode, payload, Some([a, b, c, d]));
        }
    }

    /// Writes what waits.
    pub(super) fn flush(&mut self, core: &mut Core) {
        if let Some(link) = &mut self.link {
            match link.socket.flush() {
                Ok(()) => self.set_interest(core),
                Err(_gone) => self.lose(core, 0),
            }
        }
    }

    /// Tells the kernel what is waited for.
    pub(super) fn set_interest(&mut self, core: &mut Core) {
        let reads = !self.reads_slowly();
        if let Some(link) = &mut self.link
            && link.socket.set_interest(&core.epoll, reads).is_err()
        {
            self.lose(core, 0);
        }
    }

    /// Looks for the end of the answer to the upgrade.
    fn on_upgrade(&mut self, core: &mut Core, bytes: &[u8], now: u64) -> Option<usize> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        if !bytes.starts_with(b"HTTP/1.1 101") {
            let text = String::from_utf8_lossy(bytes);
            let line = text.lines().next().unwrap_or_default().to_owned();
            core.note_fault(|| format!("a connection was refused: {line}"));
            self.lose(core, 0);
        } else if core.setup.bare {
            self.on_open(core, now);
        } else {
            self.set_phase(Phase::Greeting);
        }
        Some(end)
    }

    /// The gateway said hello: the member opens its session, or goes on with it.
    pub(super) fn on_hello(&mut self, core: &mut Core) {
        let token = self.token.clone();
        let frame = if self.resumes && !core.epoch.is_empty() {
            let topics = self.topics.iter();
            let resume = Resume {
                token,
                epoch: core.epoch.clone(),
                topics: topics
                    .map(|&(topic, seq)| TopicSeq { topic, seq })
                    .collect(),
            };
            encode_control(opcode::RESUME, &resume)
        } else {
            encode_control(opcode::IDENTIFY, &Identify { token })
        };
        self.set_phase(Phase::Identifying);
        self.send(core, &frame);
    }

    pub(super) fn on_open(&mut self, core: &mut Core, now: u64) {
        self.set_phase(Phase::Open);
        core.in_progress = core.in_progress.saturating_sub(1);
        self.tries = 0;
        let took = now.saturating_sub(self.since);
        if self.resumes {
            core.tally.latencies.resume.record_nanos(took);
            core.tally.checks.resumes += 1;
        } else {
            core.tally.latencies.connect.record_nanos(took);
        }
        self.resumes = !core.setup.bare;
        self.set_interest(core);
        self.repeat_unanswered(core);
        self.ask_for_page(core, now);
    }

    /// A connection ended: the member comes back, on the next gateway.
    pub(super) fn lose(&mut self, core: &mut Core, code: u16) {
        let now = clock::now();
        let Some(link) = self.link.take() else {
            return;
        };
        self.page = None;
        self.gateway = (self.gateway + 1) % core.setup.gateways.len().max(1);
        if link.phase == Phase::Open {
            core.tally.checks.lost_connections += 1;
            *core.tally.closed.entry(code).or_default() += 1;
            self.since = now;
            core.queue.push_back(self.at);
        } else {
            core.in_progress = core.in_progress.saturating_sub(1);
            self.retry_later(core, now);
        }
    }

    /// Tries again a little later, each time later than before.
    fn retry_later(&mut self, core: &mut Core, now: u64) {
        self.tries += 1;
        if self.tries > MAX_TRIES {
            core.tally.checks.failed_connections += 1;
            core.note_fault(|| "a member could not connect, however often it tried".to_owned());
            return;
        }
        let wait = SECOND / 100 * u64::from(self.tries.min(20)) + core.random.below(SECOND / 50);
        core.do_later(now + wait, self.at, Later::Connect);
    }

    /// Does what was put off.
    pub(super) fn do_later(&mut self, core: &mut Core, what: Later) {
        match what {
            Later::Connect => core.queue.push_back(self.at),
            Later::Move if self.is_open() => self.lose(core, 0),
            Later::Repeat(request) if self.is_open() => self.send_message(core, request),
            Later::Move | Later::Repeat(_) => {}
        }
    }
}

/// The address that a connection comes from; none where the system chooses.
fn source(gateway: SocketAddr, addresses: u32, at: usize) -> Option<SocketAddr> {
    if addresses <= 1 || !gateway.ip().is_loopback() || gateway.is_ipv6() {
        return None;
    }
    let number = u32::try_from(at).ok()? % addresses.min(200);
    let last = u8::try_from(number + 1).ok()?;
    Some(SocketAddr::new(
        IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)),
        0,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_come_from_all_addresses() {
        let gateway: SocketAddr = "127.0.0.1:80".parse().unwrap();
        let from = |at| source(gateway, 3, at).unwrap().ip().to_string();
        assert_eq!(from(0), "127.0.0.1");
        assert_eq!(from(5), "127.0.0.3");
        assert_eq!(source(gateway, 1, 5), None);
        assert_eq!(source("192.0.2.1:80".parse().unwrap(), 3, 5), None);
    }
}
