//! Who may send a request: the one decision, whichever task asks for it.
//!
//! A row says what its requests need; [`AccessFacts`] says what is known of the caller. The
//! lane knows it from its memory, a query from its snapshot.

use shared::{
    domain::permissions::Permissions,
    error::{Reason, Refusal},
    ids::{ChannelId, UserId},
    protocol::Access,
};

use crate::error::Error;

/// What the decision depends on. Each is asked for only where it is needed.
pub(crate) trait AccessFacts {
    /// The server that the request is for, or 0.
    fn scope(&self) -> u64;

    /// Who sent it.
    fn user(&self) -> Result<UserId, Refusal>;

    /// Whether requests about this account itself are done here.
    fn is_home_of(&self, user: UserId) -> bool;

    /// Whether the account administers the deployment.
    fn is_admin(&mut self, user: UserId) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Whether the account is a member of the scope's server; a refusal when there is none.
    fn is_member(&mut self, user: UserId) -> impl Future<Output = Result<bool, Error>> + Send;

    /// What the sender, a member, may do in the scope's server.
    fn in_server(&mut self) -> impl Future<Output = Result<Permissions, Error>> + Send;

    /// What the sender, a member, may do in a channel of the scope's server; nothing in a
    /// channel of another one, as it does not exist.
    fn in_channel(
        &mut self,
        channel: ChannelId,
    ) -> impl Future<Output = Result<Permissions, Error>> + Send;
}

/// Refuses what the caller may not do. `channel` is the one that the request names.
pub(crate) async fn check_access<F: AccessFacts + Send>(
    facts: &mut F,
    access: Access,
    channel: Option<ChannelId>,
) -> Result<(), Error> {
    match access {
        Access::Anyone | Access::Workers => Ok(()),
        Access::Account => check_account(facts).map(drop),
        Access::MemberOrAccount if facts.scope() == 0 => check_account(facts).map(drop),
        Access::Member | Access::MemberOrAccount => check_member(facts).await,
        Access::Deployment => {
            if facts.scope() != 0 {
                return Err(Refusal::field(Reason::Malformed, "scope").into());
            }
            let user = check_account(facts)?;
            require(facts.is_admin(user).await?, Reason::Forbidden)
        }
        Access::ServerOrDeployment(_) if facts.scope() == 0 => {
            let user = check_account(facts)?;
            require(facts.is_admin(user).await?, Reason::Forbidden)
        }
        Access::Server(needed) | Access::ServerOrDeployment(needed) => {
            check_member(facts).await?;
            let held = facts.in_server().await?;
            require(held.contains(needed), Reason::Forbidden)
        }
        Access::Channel(needed) => {
            check_member(facts).await?;
            let channel = channel.ok_or(Reason::UnknownChannel)?;
            let held = facts.in_channel(channel).await?;
            require(
                held.contains(Permissions::VIEW_CHANNEL),
                Reason::UnknownChannel,
            )?;
            require(held.contains(needed), Reason::Forbidden)
        }
    }
}

/// A request about the caller's own account names no server.
fn check_account<F: AccessFacts>(facts: &F) -> Result<UserId, Error> {
    let user = facts.user()?;
    require(facts.is_home_of(user), Reason::Malformed)?;
    Ok(user)
}

async fn check_member<F: AccessFacts>(facts: &mut F) -> Result<(), Error> {
    if facts.scope() == 0 {
        // It is not that the server is unknown: none was named.
        return Err(Refusal::field(Reason::Malformed, "scope").into());
    }
    let user = facts.user()?;
    require(facts.is_member(user).await?, Reason::UnknownServer)
}

fn require(condition: bool, reason: Reason) -> Result<(), Error> {
    if condition {
        Ok(())
    } else {
        Err(reason.into())
    }
}

#[cfg(test)]
mod tests {
    use shared::wire::Wire;

    use super::*;

    /// Somebody who is a member, or is not, and holds these permissions everywhere.
    struct Facts {
        scope: u64,
        member: bool,
        held: Permissions,
    }

    impl AccessFacts for Facts {
        fn scope(&self) -> u64 {
            self.scope
        }

        fn user(&self) -> Result<UserId, Refusal> {
            Ok(UserId::sample())
        }

        fn is_home_of(&self, _user: UserId) -> bool {
            self.scope == 0
        }

        async fn is_admin(&mut self, _user: UserId) -> Result<bool, Error> {
            Ok(self.held.contains(Permissions::ADMINISTRATOR))
        }

        async fn is_member(&mut self, _user: UserId) -> Result<bool, Error> {
            Ok(self.member)
        }

        async fn in_server(&mut self) -> Result<Permissions, Error> {
            Ok(self.held)
        }

        async fn in_channel(&mut self, _channel: ChannelId) -> Result<Permissions, Error> {
            Ok(self.held)
        }
    }

    async fn refusal_of(access: Access, mut facts: Facts) -> Option<Reason> {
        let decided = check_access(&mut facts, access, Some(ChannelId::sample())).await;
        decided.err().map(|error| error.refusal().reason)
    }

    #[tokio::test]
    async fn each_access_refuses_for_its_own_reason() {
        let (none, view) = (Permissions::empty(), Permissions::VIEW_CHANNEL);
        let (send, admin) = (Permissions::SEND_MESSAGES, Permissions::ADMINISTRATOR);
        let (forbidden, unseen) = (Some(Reason::Forbidden), Some(Reason::UnknownChannel));
        let either = Access::ServerOrDeployment(send);
        let cases = [
            (Access::Anyone, 0, false, none, None),
            (Access::Account, 0, false, none, None),
            (Access::Account, 1, true, none, Some(Reason::Malformed)),
            (Access::Member, 0, true, none, Some(Reason::Malformed)),
            (Access::Member, 1, false, none, Some(Reason::UnknownServer)),
            (Access::Member, 1, true, none, None),
            (Access::MemberOrAccount, 0, false, none, None),
            (
                Access::MemberOrAccount,
                1,
                false,
                none,
                Some(Reason::UnknownServer),
            ),
            (Access::MemberOrAccount, 1, true, none, None),
            (Access::Server(send), 1, true, view, forbidden),
            (Access::Server(send), 1, true, send, None),
            (either, 0, false, send, forbidden),
            (either, 0, false, admin, None),
            (either, 1, true, send, None),
            (Access::Deployment, 0, false, send, forbidden),
            (Access::Deployment, 0, false, admin, None),
            (Access::Deployment, 1, true, admin, Some(Reason::Malformed)),
            (Access::Channel(send), 1, true, none, unseen),
            (Access::Channel(send), 1, true, view, forbidden),
            (Access::Channel(send), 1, true, view | send, None),
        ];
        for (access, scope, member, held, expected) in cases {
            let facts = Facts {
                scope,
                member,
                held,
            };
            assert_eq!(refusal_of(access, facts).await, expected, "{access:?}");
        }
    }
}
