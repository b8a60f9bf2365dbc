//! What a handler of a query may use, and the check before it.

use std::sync::Arc;

use shared::{
    bus::{Decision, envelope::Caller},
    domain::{
        limits::RateLimit,
        permissions::{Permissions, Silenced},
        silences::Silences,
    },
    error::{Reason, Refusal},
    ids::{ChannelId, ServerId, UserId},
    protocol::{Access, Guard, Request, Row, account::Authenticate},
};

use super::Deps;
use crate::{
    access::{AccessFacts, check_access},
    error::Error,
    limiter::Subject,
    store::read::{self, Membership, Overrides, Snapshot, structure},
};

/// The context of one query.
pub(super) struct QueryContext {
    deps: Arc<Deps>,
    caller: Option<Caller>,
    scope: u64,
    address: u64,
    snapshot: Option<Snapshot>,
    membership: Option<Membership>,
    silences: Silences,
}

impl QueryContext {
    pub(super) fn new(deps: Arc<Deps>, caller: Option<Caller>, scope: u64, address: u64) -> Self {
        Self {
            deps,
            caller,
            scope,
            address,
            snapshot: None,
            membership: None,
            silences: Silences::default(),
        }
    }

    pub(super) fn deps(&self) -> &Deps {
        &self.deps
    }

    /// Who asks.
    pub(super) fn caller(&self) -> Result<&Caller, Refusal> {
        self.caller
            .as_ref()
            .ok_or_else(|| Reason::Unauthenticated.into())
    }

    /// The scope's server and how the caller stands in it. Only for rows that
    /// are for members: the check has read it.
    pub(super) fn membership(&self) -> Result<Membership, Refusal> {
        self.membership
            .clone()
            .ok_or_else(|| Reason::UnknownServer.into())
    }

    /// Which silences of the caller hold now, where [`Self::membership`] is.
    pub(super) fn silenced(&self, channel: Option<ChannelId>) -> Silenced {
        self.silences.at(channel, self.now_ms())
    }

    /// Milliseconds since 1970.
    pub(super) fn now_ms(&self) -> u64 {
        self.deps.clock.now_ms()
    }

    /// The snapshot that everything of this query is read in.
    pub(super) async fn snapshot(&mut self) -> Result<&mut Snapshot, Error> {
        let snapshot = match self.snapshot.take() {
            Some(snapshot) => snapshot,
            None => self.deps.store.snapshot().await?,
        };
        Ok(self.snapshot.insert(snapshot))
    }

    /// Gives the connection back: at the end, and before slow work.
    pub(super) async fn release(&mut self) {
        if let Some(snapshot) = self.snapshot.take() {
            snapshot.end().await;
        }
    }

    /// Draws from one bucket.
    pub(super) async fn draw(&self, limit: RateLimit, subject: Subject) -> Result<(), Refusal> {
        match self.deps.limiter.draw(&[(limit, subject)]).await.first() {
            Some(Decision::Limited(retry)) => Err(Refusal::retry(Reason::RateLimited, *retry)),
            _ => Ok(()),
        }
    }

    /// A name that somebody signs in with, whether it exists or not, at the address that
    /// asks: the same in every worker, short whatever the name, and nothing that who reads
    /// Redis could find the name from by trying.
    pub(super) fn at_this_address(&self, name: &str) -> Subject {
        Subject::NameAt(self.deps.keys.hash_name(name), self.address)
    }

    /// What this address asks with one opcode.
    pub(super) const fn address_for(&self, opcode: u16) -> Subject {
        Subject::AddressFor(self.address, opcode)
    }

    /// Gives back one draw.
    pub(super) async fn give_back(&self, limit: RateLimit, subject: Subject) {
        self.deps.limiter.give_back(&[(limit, subject)]).await;
    }

    /// A sign-in succeeded, and counts for the account instead of for the name where it was
    /// tried and for its address: only failures are to keep people away. What goes beyond
    /// what an account and an address ever need is not given back, else somebody could keep
    /// the hashers busy with a password of his own.
    pub(super) async fn signed_in(&self, user: UserId, drawn: [Subject; 2]) {
        let own = [Subject::Account(user), Subject::Successes(self.address)];
        let own = own.map(|subject| (RateLimit::SignIn, subject));
        let decisions = self.deps.limiter.draw(&own).await;
        let back: Vec<_> = decisions
            .iter()
            .zip(drawn)
            .filter(|(decision, _)| **decision == Decision::Allowed)
            .map(|(_, subject)| (RateLimit::SignIn, subject))
            .collect();
        self.deps.limiter.give_back(&back).await;
    }

    /// Signing in counts by address, everything else by account where there is one.
    fn subject(&self, row: &Row) -> Subject {
        match &self.caller {
            _ if row.limit == RateLimit::SignIn => self.address_for(row.opcode),
            Some(caller) => Subject::Account(caller.user),
            None => Subject::Address(self.address),
        }
    }
}

impl AccessFacts for QueryContext {
    fn scope(&self) -> u64 {
        self.scope
    }

    fn user(&self) -> Result<UserId, Refusal> {
        Ok(self.caller()?.user)
    }

    /// Any worker reads any account.
    fn is_home_of(&self, _user: UserId) -> bool {
        true
    }

    async fn is_admin(&mut self, user: UserId) -> Result<bool, Error> {
        Ok(read::account::is_admin(self.snapshot().await?, user).await?)
    }

    async fn is_member(&mut self, user: UserId) -> Result<bool, Error> {
        let server = ServerId::new(self.scope).ok_or(Reason::UnknownServer)?;
        let found = read::member::find_asker(self.snapshot().await?, server, user).await?;
        let Some((membership, silences)) = found else {
            return Ok(false);
        };
        (self.membership, self.silences) = (Some(membership), silences);
        Ok(true)
    }

    async fn in_server(&mut self) -> Result<Permissions, Error> {
        let (server, standing) = self.membership()?;
        let snapshot = self.snapshot().await?;
        let roles = read::server::list_roles(snapshot, &[server.server_id]).await?;
        let structure = structure(&server, &roles, &Overrides::default());
        Ok(structure.permit(&standing, None, self.silenced(None)))
    }

    async fn in_channel(&mut self, channel: ChannelId) -> Result<Permissions, Error> {
        let (server, standing) = self.membership()?;
        let snapshot = self.snapshot().await?;
        let overrides = read::server::find_overrides(snapshot, server.server_id, channel).await?;
        let roles = read::server::list_roles(snapshot, &[server.server_id]).await?;
        let structure = structure(&server, &roles, &overrides);
        let held = structure.permit(&standing, Some(channel), self.silenced(Some(channel)));
        #[cfg(feature = "sabotage")]
        let held = crate::sabotage::older_rights(standing.user, channel.get(), held);
        Ok(held)
    }
}

impl Guard for QueryContext {
    type Error = Error;

    async fn check<R: Request>(&mut self, request: &R) -> Result<(), Error> {
        let row = R::ROW;
        match row.access {
            Access::Anyone => {}
            Access::Workers => return Err(Reason::UnknownCommand.into()),
            Access::Account
            | Access::Member
            | Access::MemberOrAccount
            | Access::Server(_)
            | Access::ServerOrDeployment(_)
            | Access::Deployment
            | Access::Channel(_) => {
                self.caller()?;
            }
        }
        // Before Postgres is asked: what is refused here costs nothing. Whose token it is,
        // its handler finds out, and draws.
        if row.opcode != Authenticate::ROW.opcode {
            self.draw(row.limit, self.subject(&row)).await?;
        }
        check_access(self, row.access, request.channel()).await
    }
}
