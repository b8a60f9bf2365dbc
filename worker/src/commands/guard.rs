//! Checks a command before it is handled, against the memory of its lane.

use shared::{
    domain::permissions::Permissions,
    error::Refusal,
    ids::{ChannelId, UserId},
    protocol::{Guard, Request},
};

use crate::{
    access::{AccessFacts, check_access},
    error::Error,
    store::write,
    transaction::Context,
};

impl Guard for Context<'_> {
    type Error = Error;

    async fn check<R: Request>(&mut self, request: &R) -> Result<(), Error> {
        check_access(self, R::ROW.access, request.channel()).await
    }
}

impl AccessFacts for Context<'_> {
    fn scope(&self) -> u64 {
        Context::scope(self)
    }

    fn user(&self) -> Result<UserId, Refusal> {
        Ok(self.caller()?.user)
    }

    /// A command of the caller's own account goes to the lane of that account.
    fn is_home_of(&self, user: UserId) -> bool {
        Context::scope(self) == 0 && user.partition() == self.partition()
    }

    async fn is_admin(&mut self, user: UserId) -> Result<bool, Error> {
        let found = write::server::find_user(self.read().await?, user).await?;
        Ok(found.is_some_and(|user| user.admin))
    }

    async fn is_member(&mut self, user: UserId) -> Result<bool, Error> {
        Ok(self.standing(user).await?.is_some())
    }

    async fn in_server(&mut self) -> Result<Permissions, Error> {
        self.permissions().await
    }

    async fn in_channel(&mut self, channel: ChannelId) -> Result<Permissions, Error> {
        self.permissions_in(channel).await
    }
}
