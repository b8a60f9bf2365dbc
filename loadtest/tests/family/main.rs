//! The families, each in a module, and what goes through all of them: attacks, bad input, denials,
//! limits, traces. One program, as each links all of the clients; its scenarios share one
//! cluster, except those that set something otherwise or kill.

/// Makes tests of functions that get the cluster that all share: `message::scenarios::NAME`. One
/// that is not named here is code that nobody uses, which the compiler says.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        mod scenarios {
            $(
                #[tokio::test]
                async fn $name() -> anyhow::Result<()> {
                    loadtest::harness::scenario(super::$name).await
                }
            )+
        }
    };
}

mod account;
mod admin;
mod attack;
mod bad_input;
mod balancer;
mod channel;
mod cookie;
mod denials;
mod export;
mod history;
mod inbox;
mod invite;
mod large;
mod limit;
mod member;
mod mention;
mod message;
mod moderation;
mod notification;
mod pin;
mod ping;
mod presence;
mod push;
mod reaction;
mod restored;
mod role;
mod search;
mod server;
mod session;
mod sign_up;
mod smoke;
mod systemd;
mod traces;
mod typing;
mod unread;
mod update;
mod user;
