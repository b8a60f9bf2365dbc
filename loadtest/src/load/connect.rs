//! How members get their accounts and servers, connect, and come back.

use std::{
    cmp::Reverse,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use rustix::{
    event::epoll::{self, EventData, EventFlags},
    io::Errno,
    net::{self, AddressFamily, SocketFlags, SocketType},
};
use shared::{
    frame::opcode,
    protocol::control::{Identify, Resume, TopicSeq},
};

use super::{
    clock::{self, SECOND},
    pacer::{Pacer, Pacing},
    shard::Shard,
    virtual_user::{GUEST, Link, Phase, REDEEM, VirtualUser},
};
use crate::{
    requests::{encode_control, encode_request, join_as_guest, redeem_invite},
    websocket::upgrade_request,
};

/// Attempts to connect before a member is given up.
const MAX_TRIES: u32 = 200;
/// The receive buffer of a reader that is to be felt soon.
const SLOW_BUFFER: usize = 4_096;

impl Shard {
    /// Makes members that redeem codes, and leave when they have.
    pub(super) fn recruit(&mut self, codes: Vec<String>, members: Vec<Vec<u32>>) {
        self.codes = codes;
        let first = self.members.len();
        let count = members.len();
        let gateways = self.setup.gateways.len().max(1);
        self.members.extend(
            members
                .into_iter()
                .enumerate()
                .map(|(at, codes)| VirtualUser {
                    gateway: at % gateways,
                    codes,
                    ..VirtualUser::default()
                }),
        );
        self.queue.extend(first..first + count);
    }

    /// Connects all members, and keeps them so.
    pub(super) fn open_all(&mut self, rate: Option<f64>) {
        self.opening = true;
        let now = clock::now();
        let seed = self.random.next();
        self.ramp = rate.map(|rate| Pacer::new(Pacing::Constant, rate, now, seed));
        let mut opened = 0;
        let gateways = self.setup.gateways.len().max(1);
        let home = self.setup.home;
        for (at, member) in self.members.iter_mut().enumerate() {
            if member.link.is_none() {
                member.gateway = home.unwrap_or(at) % gateways;
                member.tries = 0;
                member.since = now;
                self.queue.push_back(at);
                opened += 1;
            }
        }
        self.tally.checks.connections += opened;
    }

    /// Starts as many connections as may be under way.
    pub(super) fn connect_some(&mut self, now: u64) {
        while self.in_progress < self.setup.parallel {
            if let Some(ramp) = &mut self.ramp
                && !self.queue.is_empty()
                && ramp.due(now).is_none()
            {
                break;
            }
            let Some(at) = self.queue.pop_front() else {
                break;
            };
            if let Err(error) = self.connect(at, now) {
                self.note_fault(|| format!("a connection could not be made: {error}"));
                self.retry_later(at, now);
            }
        }
    }

    fn connect(&mut self, at: usize, now: u64) -> Result<(), Errno> {
        let Some(member) = self.members.get_mut(at) else {
            return Ok(());
        };
        if member.link.is_some() {
            return Ok(());
        }
        let Some(gateway) = self.setup.gateways.get(member.gateway).copied() else {
            return Err(Errno::ADDRNOTAVAIL);
        };
        if member.since == 0 || (member.tries == 0 && !member.resumes) {
            member.since = now;
        }
        let family = if gateway.is_ipv4() {
            AddressFamily::INET
        } else {
            AddressFamily::INET6
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
        net::sockopt::set_tcp_nodelay(&socket, true)?;
        if member.slow.is_some() {
            net::sockopt::set_socket_recv_buffer_size(&socket, SLOW_BUFFER)?;
        }
        if let Some(source) = source(gateway, self.setup.addresses, at) {
            net::bind(&socket, &source)?;
        }
        match net::connect(&socket, &gateway) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error),
        }
        let data = EventData::new_u64(at as u64);
        let interest = EventFlags::IN | EventFlags::OUT;
        epoll::add(&self.epoll, &socket, data, interest)?;
        let mut link = Link::new(socket, now);
        let key = (u128::from(self.random.next()) << 64) | u128::from(self.random.next());
        // Leaves as soon as the socket can be written to.
        link.out = upgrade_request(gateway, key.to_ne_bytes());
        member.link = Some(link);
        self.in_progress += 1;
        Ok(())
    }

    /// Looks for the end of the answer to the upgrade.
    pub(super) fn on_upgrade(&mut self, at: usize, bytes: &[u8], now: u64) -> Option<usize> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let accepted = bytes.starts_with(b"HTTP/1.1 101");
        if !accepted {
            let text = String::from_utf8_lossy(bytes);
            let line = text.lines().next().unwrap_or_default().to_owned();
            self.note_fault(|| format!("a connection was refused: {line}"));
            self.on_lost(at, 0);
        } else if self.bare {
            self.on_open(at, now);
        } else {
            self.set_phase(at, Phase::Greeting);
        }
        Some(end)
    }

    pub(super) fn set_phase(&mut self, at: usize, phase: Phase) {
        if let Some(link) = self
            .members
            .get_mut(at)
            .and_then(|member| member.link.as_mut())
        {
            link.phase = phase;
        }
    }

    /// The gateway said hello: the next step of the member.
    pub(super) fn on_hello(&mut self, at: usize) {
        let Some(member) = self.members.get(at) else {
            return;
        };
        let token = member.token.clone();
        let (phase, frame) = if token.is_empty() {
            let frame = encode_request(GUEST, 0, &join_as_guest());
            (Phase::Registering, frame)
        } else if member.resumes && !self.epoch.is_empty() {
            let topics = member.topics.iter();
            let resume = Resume {
                token,
                epoch: self.epoch.clone(),
                topics: topics
                    .map(|&(topic, seq)| TopicSeq { topic, seq })
                    .collect(),
            };
            let frame = encode_control(opcode::RESUME, &resume);
            (Phase::Identifying, frame)
        } else {
            let frame = encode_control(opcode::IDENTIFY, &Identify { token });
            (Phase::Identifying, frame)
        };
        self.set_phase(at, phase);
        self.send(at, &frame);
    }

    /// The session is open: what was to be redeemed is, or the member is where it wants to be.
    pub(super) fn on_session(&mut self, at: usize, now: u64) {
        let Some(member) = self.members.get(at) else {
            return;
        };
        if member.codes.is_empty() {
            return self.on_open(at, now);
        }
        let codes = member.codes.clone();
        let count = u32::try_from(codes.len()).unwrap_or(u32::MAX);
        self.set_phase(at, Phase::Joining(count));
        for (number, code) in (0..).zip(codes) {
            let code = usize::try_from(code)
                .ok()
                .and_then(|code| self.codes.get(code));
            let redeem = redeem_invite(code.map_or("", String::as_str));
            self.send(at, &encode_request(REDEEM + number, 0, &redeem));
        }
    }

    /// A code was redeemed. A member that has all its servers leaves until all have.
    pub(super) fn on_joined(&mut self, at: usize) {
        let Some(member) = self.members.get_mut(at) else {
            return;
        };
        let Some(Phase::Joining(left)) = member.phase() else {
            return;
        };
        if left > 1 {
            return self.set_phase(at, Phase::Joining(left - 1));
        }
        member.codes = Vec::new();
        member.tries = 0;
        member.link = None;
        self.in_progress = self.in_progress.saturating_sub(1);
    }

    pub(super) fn on_open(&mut self, at: usize, now: u64) {
        self.set_phase(at, Phase::Open);
        self.in_progress = self.in_progress.saturating_sub(1);
        let opening = self.opening;
        let Some(member) = self.members.get_mut(at) else {
            return;
        };
        if !opening {
            // A member without servers.
            member.link = None;
            return;
        }
        member.tries = 0;
        let took = now.saturating_sub(member.since);
        if member.resumes {
            self.tally.latencies.resume.record_nanos(took);
            self.tally.checks.resumes += 1;
        } else {
            self.tally.latencies.connect.record_nanos(took);
        }
        member.resumes = !self.bare;
        if let Some(link) = &mut member.link {
            link.sent_at = now;
        }
        if member.slow.is_some() {
            self.set_interest(at);
        }
        self.repeat_unanswered(at);
        self.ask_for_page(at, now);
    }

    /// A connection ended: the member comes back, on the next gateway.
    pub(super) fn on_lost(&mut self, at: usize, code: u16) {
        let now = clock::now();
        let Some(member) = self.members.get_mut(at) else {
            return;
        };
        let Some(link) = member.link.take() else {
            return;
        };
        let open = link.phase == Phase::Open;
        drop(link);
        if open {
            self.tally.checks.lost_connections += 1;
            *self.tally.closed.entry(code).or_default() += 1;
            member.since = now;
        } else {
            self.in_progress = self.in_progress.saturating_sub(1);
        }
        member.page = None;
        member.gateway = (member.gateway + 1) % self.setup.gateways.len().max(1);
        if open {
            self.queue.push_back(at);
        } else {
            self.retry_later(at, now);
        }
    }

    /// Tries again a little later, each time later than before.
    fn retry_later(&mut self, at: usize, now: u64) {
        let Some(member) = self.members.get_mut(at) else {
            return;
        };
        member.tries += 1;
        if member.tries > MAX_TRIES {
            self.tally.checks.failed_connections += 1;
            self.note_fault(|| "a member could not connect, however often it tried".to_owned());
            return;
        }
        let wait = SECOND / 100 * u64::from(member.tries.min(20)) + self.random.below(SECOND / 50);
        self.later.push(Reverse((now + wait, at, 0)));
    }

    /// The gateway is about to stop and asks the member to go, in so many milliseconds.
    pub(super) fn move_later(&mut self, at: usize, delay_ms: u64) {
        // Marked by the request number 1: the connection is still open then.
        let when = clock::now() + delay_ms * 1_000_000;
        self.later.push(Reverse((when, at, MOVE)));
    }

    /// Ends the connections of some members, who come back at once.
    pub(super) fn cut(&mut self, members: u32) {
        let open: Vec<usize> = (0..self.members.len())
            .filter(|at| self.members.get(*at).is_some_and(VirtualUser::is_open))
            .rev()
            .take(usize::try_from(members).unwrap_or(usize::MAX))
            .collect();
        for at in open {
            self.on_lost(at, 0);
        }
    }
}

/// In the place of a request: the member moves to another gateway.
pub(super) const MOVE: u32 = 1;

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
