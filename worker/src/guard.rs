//! Checks a command before it is handled: the row says what it needs, the one
//! permission function decides.

use shared::{
    domain::permissions::Permissions,
    error::{Reason, Refusal},
    protocol::{Access, Guard, Request},
};

use crate::{context::Context, error::Error};

impl Guard for Context<'_> {
    type Error = Error;

    async fn check<R: Request>(&mut self, request: &R) -> Result<(), Error> {
        match R::ROW.access {
            Access::Anyone | Access::Workers => Ok(()),
            Access::Account => self.own_account(),
            Access::Member => self.in_server(Permissions::empty()).await,
            Access::Server(needed) => self.in_server(needed).await,
            Access::ServerOrDeployment(needed) if self.command.scope != 0 => {
                self.in_server(needed).await
            }
            Access::ServerOrDeployment(_) => {
                self.own_account()?;
                let user = self.caller()?.user;
                let admin = self
                    .look()
                    .await?
                    .find_user(user)
                    .await?
                    .is_some_and(|user| user.admin);
                self.require(admin, Reason::Forbidden)
            }
            Access::Channel(needed) => {
                // A channel of another server is not in this one's structure: it does not exist.
                let channel = request
                    .channel()
                    .ok_or(Refusal::from(Reason::UnknownChannel))?;
                self.in_server(Permissions::empty()).await?;
                let held = self.permissions_in(channel).await?;
                self.require(
                    held.contains(Permissions::VIEW_CHANNEL),
                    Reason::UnknownChannel,
                )?;
                self.require(held.contains(needed), Reason::Forbidden)
            }
        }
    }
}

impl Context<'_> {
    /// A command of the caller's own account goes to the lane of that account.
    fn own_account(&self) -> Result<(), Error> {
        let user = self.caller()?.user;
        let own = self.command.scope == 0 && user.partition() == self.command.partition;
        self.require(own, Reason::Malformed)
    }

    async fn in_server(&mut self, needed: Permissions) -> Result<(), Error> {
        if self.command.scope == 0 {
            // It is not that the server is unknown: none was named.
            return Err(Refusal::field(Reason::Malformed, "scope").into());
        }
        let user = self.caller()?.user;
        let standing = self
            .standing(user)
            .await?
            .ok_or(Refusal::from(Reason::UnknownServer))?;
        let held = self.server().await?.structure.in_server(&standing);
        self.require(held.contains(needed), Reason::Forbidden)
    }
}
