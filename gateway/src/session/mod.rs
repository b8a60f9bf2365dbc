//! One connection as a state machine without I/O: what arrives goes in, what
//! is to be done comes out.
//!
//! `Unidentified` → `Attaching` → `Live` → `Draining`; nothing leads back.
//!
//! - [`reader`] takes bytes, [`frame_reader`] makes frames of them, and [`steps`] does what the
//!   state machine asks for;
//! - [`attach`] makes a session a member of its topics, [`catch_up`] brings it to where they are,
//!   by a [`replay`] of what [`event_log`] reads;
//! - [`context`] is what all sessions of a gateway share.

pub mod attach;
pub mod catch_up;
pub mod context;
pub mod event_log;
pub mod frame_reader;
pub mod reader;
pub mod replay;
pub mod steps;

use std::time::Duration;

use shared::{
    bus::envelope::Caller,
    close::CloseCode,
    error::{Reason, Refusal},
    frame::opcode,
    protocol::{
        control::{Heartbeat, Identify, Resume, TopicSeq},
        decode,
    },
};
use tokio::time::Instant;

use crate::{
    dialect::request::Request,
    limits::token_bucket::{Rate, TokenBucket},
};

/// What all sessions of a gateway keep to.
#[derive(Debug, Clone, Copy)]
pub struct SessionConfig {
    /// How often a client must send something. Who is silent for a tenth longer is pinged,
    /// and closed after 1.4 times it.
    pub heartbeat: Duration,
    /// How long a connection may stay without a session, and how long it may take
    /// to open one.
    pub identify: Duration,
    /// How many frames.
    pub frames: Rate,
    /// How many bytes.
    pub bytes: Rate,
    /// The most topics that a client may name when it resumes.
    pub max_topics: usize,
}

impl SessionConfig {
    /// How long a client may be silent: first until it is pinged, so that who keeps to the
    /// interval never is, then until it counts as gone. A peer that vanished without a word
    /// is noticed within 45 s at the default of 30 s.
    fn silence(&self, pinged: bool) -> Duration {
        self.heartbeat * if pinged { 14 } else { 11 } / 10
    }
}

/// Where a client resumes from: the epoch, and the last event that it has of each topic.
pub type ResumePoint = (String, Vec<TopicSeq>);

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Open the session that the token names.
    Open {
        /// The client's token.
        token: String,
        /// Where to resume from.
        resume: Option<ResumePoint>,
    },
    /// Append to the stream of the scope's partition, in order.
    Command(Request),
    /// Ask any worker.
    Query(Request),
    /// Answer a heartbeat with its number; and whether nobody uses the client, if it says so.
    Heartbeat(u64, Option<bool>),
    /// Ask for a sign of life.
    Ping,
    /// Answer a ping.
    Pong(Vec<u8>),
    /// Say no.
    Refuse(u32, Refusal),
    /// End the connection.
    Close(CloseCode),
    /// The client ended the connection, with this code.
    Closed(Option<u16>),
}

impl Step {
    /// What it holds of the memory while it waits, in bytes.
    pub const fn bytes(&self) -> usize {
        let held = match self {
            Self::Command(request) | Self::Query(request) => request.body.capacity(),
            Self::Pong(bytes) => bytes.capacity(),
            Self::Open { token, .. } => token.capacity(),
            _ => 0,
        };
        held + size_of::<Self>()
    }
}

/// A connection.
#[derive(Debug)]
pub struct Session {
    state: State,
    /// When something last arrived.
    heard: Instant,
    /// Whether a sign of life was asked for since then.
    pinged: bool,
    frames: TokenBucket,
    bytes: TokenBucket,
}

#[derive(Debug)]
enum State {
    Unidentified {
        since: Instant,
        /// The token in the cookie that came with the handshake.
        cookie: Option<Box<str>>,
    },
    Attaching {
        since: Instant,
    },
    Live(Caller),
    Draining,
}

impl Session {
    /// A connection that was just made.
    pub fn new(config: &SessionConfig, now: Instant) -> Self {
        Self {
            state: State::Unidentified {
                since: now,
                cookie: None,
            },
            heard: now,
            pinged: false,
            frames: TokenBucket::full(config.frames, now),
            bytes: TokenBucket::full(config.bytes, now),
        }
    }

    /// The same, of a page whose cookie holds this token.
    #[must_use]
    pub fn with_cookie(mut self, token: Option<Box<str>>) -> Self {
        if let State::Unidentified { cookie, .. } = &mut self.state {
            *cookie = token;
        }
        self
    }

    /// Bytes arrived: the first thing that is checked.
    pub fn count_bytes(
        &mut self,
        config: &SessionConfig,
        bytes: usize,
        now: Instant,
    ) -> Option<Step> {
        self.heard = now;
        self.pinged = false;
        (!self.bytes.draw(config.bytes, bytes, now)).then_some(Step::Close(CloseCode::Flood))
    }

    /// A WebSocket frame arrived, whatever it carries.
    pub fn count_frame(&mut self, config: &SessionConfig, now: Instant) -> Result<(), CloseCode> {
        if self.frames.draw(config.frames, 1, now) {
            Ok(())
        } else {
            Err(CloseCode::Flood)
        }
    }

    /// A frame of the protocol arrived.
    pub fn take_request(
        &mut self,
        config: &SessionConfig,
        request: Request,
        now: Instant,
    ) -> Option<Step> {
        if matches!(self.state, State::Draining) {
            return None;
        }
        let number = request.request;
        let step = match request.opcode {
            opcode::HEARTBEAT => decode::<Heartbeat>(&request.body)
                .map(|heartbeat| Step::Heartbeat(heartbeat.number, heartbeat.idle)),
            opcode::IDENTIFY | opcode::RESUME => self.identify(config, &request, now),
            0..opcode::FIRST_LANE | opcode::FIRST_INTERNAL.. => Err(Reason::UnknownCommand.into()),
            opcode::FIRST_ANY.. => Ok(Step::Query(request)),
            _ if self.caller().is_some() => Ok(Step::Command(request)),
            _ => Err(Reason::Unauthenticated.into()),
        };
        Some(step.unwrap_or_else(|refusal| Step::Refuse(number, refusal)))
    }

    fn identify(
        &mut self,
        config: &SessionConfig,
        request: &Request,
        now: Instant,
    ) -> Result<Step, Refusal> {
        let State::Unidentified { cookie, .. } = &mut self.state else {
            // A second identity on one connection is a mistake of the client's
            // author, which a refusal would hide.
            return Ok(Step::Close(CloseCode::BadFrame));
        };
        let (token, resume) = if request.opcode == opcode::IDENTIFY {
            (decode::<Identify>(&request.body)?.token, None)
        } else {
            let Resume {
                token,
                epoch,
                topics,
            } = decode(&request.body)?;
            if topics.len() > config.max_topics {
                return Err(Refusal::field(Reason::TooLarge, "topics"));
            }
            (token, Some((epoch, topics)))
        };
        // A page cannot name its token: it never sees it.
        let token = match cookie.take() {
            Some(kept) if token.is_empty() => kept.into(),
            _ => token,
        };
        self.state = State::Attaching { since: now };
        Ok(Step::Open { token, resume })
    }

    /// The session is open: commands are taken from now on. Says since when that was waited for.
    pub fn mark_opened(&mut self, caller: Caller) -> Option<Instant> {
        let State::Attaching { since } = self.state else {
            return None;
        };
        self.state = State::Live(caller);
        Some(since)
    }

    /// The connection is about to end: nothing is taken any more.
    pub fn mark_draining(&mut self) {
        self.state = State::Draining;
    }

    /// Whose session it is.
    pub const fn caller(&self) -> Option<&Caller> {
        match &self.state {
            State::Live(caller) => Some(caller),
            _ => None,
        }
    }

    /// When [`Session::tick`] has to be called at the latest.
    pub fn deadline(&self, config: &SessionConfig) -> Instant {
        let silence = self.heard + config.silence(self.pinged);
        match self.state {
            State::Unidentified { since, .. } | State::Attaching { since } => {
                silence.min(since + config.identify)
            }
            State::Live(_) | State::Draining => silence,
        }
    }

    /// Time passed: asks silent clients for a sign of life, and ends connections that stay
    /// silent or have no session yet.
    pub fn tick(&mut self, config: &SessionConfig, now: Instant) -> Option<Step> {
        match self.state {
            State::Unidentified { since, .. } | State::Attaching { since }
                if now >= since + config.identify =>
            {
                Some(Step::Close(CloseCode::IdentifyTimeout))
            }
            _ if now < self.heard + config.silence(self.pinged) => None,
            _ if self.pinged => Some(Step::Close(CloseCode::HeartbeatTimeout)),
            _ => {
                self.pinged = true;
                Some(Step::Ping)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        bus::envelope::CallerKind,
        ids::{SessionId, UserId},
        protocol::encode,
        wire::Wire,
    };

    use super::*;

    const CONFIG: SessionConfig = SessionConfig {
        heartbeat: Duration::from_secs(30),
        identify: Duration::from_secs(10),
        frames: Rate {
            per_second: 10,
            burst: 50,
        },
        bytes: Rate {
            per_second: 1_000,
            burst: 5_000,
        },
        max_topics: 2,
    };

    fn request(opcode: u16, body: Vec<u8>) -> Request {
        Request {
            opcode,
            request: 7,
            scope: 0,
            body,
        }
    }

    fn identify() -> Request {
        request(
            opcode::IDENTIFY,
            encode(&Identify {
                token: "t".to_owned(),
            }),
        )
    }

    fn live(now: Instant) -> Session {
        let mut session = Session::new(&CONFIG, now);
        session.take_request(&CONFIG, identify(), now);
        session.mark_opened(Caller {
            user: UserId::sample(),
            session: SessionId::sample(),
            kind: CallerKind::Person,
        });
        session
    }

    fn refused(reason: Reason) -> Step {
        Step::Refuse(7, reason.into())
    }

    #[test]
    fn commands_need_an_open_session_and_openings_do_not() {
        let now = Instant::now();
        let mut session = Session::new(&CONFIG, now);
        let command = request(opcode::FIRST_LANE, vec![0x90]);
        let query = request(opcode::FIRST_ANY, vec![0x90]);
        assert_eq!(
            session.take_request(&CONFIG, command.clone(), now),
            Some(refused(Reason::Unauthenticated))
        );
        assert_eq!(
            session.take_request(&CONFIG, query.clone(), now),
            Some(Step::Query(query))
        );
        assert_eq!(
            session.take_request(&CONFIG, identify(), now),
            Some(Step::Open {
                token: "t".to_owned(),
                resume: None
            })
        );
        assert_eq!(
            session.take_request(&CONFIG, command.clone(), now),
            Some(refused(Reason::Unauthenticated))
        );
        session.mark_opened(Caller {
            user: UserId::sample(),
            session: SessionId::sample(),
            kind: CallerKind::Person,
        });
        assert_eq!(
            session.take_request(&CONFIG, command.clone(), now),
            Some(Step::Command(command.clone()))
        );
        assert_eq!(
            session.take_request(&CONFIG, identify(), now),
            Some(Step::Close(CloseCode::BadFrame))
        );
        session.mark_draining();
        assert_eq!(session.take_request(&CONFIG, command, now), None);
    }

    #[test]
    fn an_empty_token_is_that_of_the_cookie() {
        let now = Instant::now();
        let open = |cookie: Option<&str>, named: &str| {
            let token = named.to_owned();
            let named = request(opcode::IDENTIFY, encode(&Identify { token }));
            let cookie = cookie.map(Box::from);
            let mut session = Session::new(&CONFIG, now).with_cookie(cookie);
            // A body that is refused may be mended.
            session.take_request(&CONFIG, request(opcode::IDENTIFY, vec![0xc0]), now);
            match session.take_request(&CONFIG, named, now) {
                Some(Step::Open { token, .. }) => token,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(open(Some("cookie"), ""), "cookie");
        assert_eq!(open(Some("cookie"), "named"), "named");
        assert_eq!(open(None, ""), "");
    }

    #[test]
    fn what_only_servers_or_workers_send_is_unknown() {
        let now = Instant::now();
        let mut session = live(now);
        for opcode in [
            0,
            1,
            2,
            3,
            6,
            8,
            9,
            10,
            15,
            opcode::FIRST_INTERNAL,
            u16::MAX,
        ] {
            assert_eq!(
                session.take_request(&CONFIG, request(opcode, vec![0x90]), now),
                Some(refused(Reason::UnknownCommand)),
                "{opcode}"
            );
        }
    }

    #[test]
    fn a_bad_control_body_is_refused_and_may_be_mended() {
        let now = Instant::now();
        let mut session = Session::new(&CONFIG, now);
        for opcode in [opcode::IDENTIFY, opcode::RESUME, opcode::HEARTBEAT] {
            assert_eq!(
                session.take_request(&CONFIG, request(opcode, vec![0xc0]), now),
                Some(refused(Reason::Malformed))
            );
        }
        let topics = vec![TopicSeq { topic: 1, seq: 1 }; 3];
        let many = encode(&Resume {
            token: String::new(),
            epoch: String::new(),
            topics,
        });
        assert_eq!(
            session.take_request(&CONFIG, request(opcode::RESUME, many), now),
            Some(Step::Refuse(7, Refusal::field(Reason::TooLarge, "topics")))
        );
        assert!(matches!(
            session.take_request(&CONFIG, identify(), now),
            Some(Step::Open { .. })
        ));
    }

    #[test]
    fn silence_and_missing_identity_end_the_connection() {
        let start = Instant::now();
        let mut session = Session::new(&CONFIG, start);
        assert_eq!(session.deadline(&CONFIG), start + CONFIG.identify);
        assert_eq!(session.tick(&CONFIG, start + Duration::from_secs(9)), None);
        assert_eq!(
            session.tick(&CONFIG, start + CONFIG.identify),
            Some(Step::Close(CloseCode::IdentifyTimeout))
        );
        let mut session = live(start);
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(session.tick(&CONFIG, at(32)), None);
        assert_eq!(session.tick(&CONFIG, at(33)), Some(Step::Ping));
        assert_eq!(session.deadline(&CONFIG), at(42));
        assert_eq!(session.tick(&CONFIG, at(41)), None);
        let mut silent = live(start);
        assert_eq!(silent.tick(&CONFIG, at(33)), Some(Step::Ping));
        let gone = Step::Close(CloseCode::HeartbeatTimeout);
        assert_eq!(silent.tick(&CONFIG, at(42)), Some(gone));
        // Whatever comes is a sign of life.
        assert_eq!(session.count_bytes(&CONFIG, 10, at(40)), None);
        assert_eq!(session.deadline(&CONFIG), at(73));
    }

    #[test]
    fn floods_end_the_connection() {
        let now = Instant::now();
        let mut session = live(now);
        assert_eq!(
            session.count_bytes(&CONFIG, 5_001, now),
            Some(Step::Close(CloseCode::Flood))
        );
        assert!((0..50).all(|_| session.count_frame(&CONFIG, now).is_ok()));
        assert_eq!(session.count_frame(&CONFIG, now), Err(CloseCode::Flood));
    }
}
