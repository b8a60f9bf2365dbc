//! Roles: list them, and say what they permit.

use shared::{
    domain::permissions::Permissions,
    error::Reason,
    protocol::{
        Handler,
        role::{
            ExplainPermissions, GetRolePermissions, ListRoles, ListSelfRoles, PermissionsExplained,
            Role, RolePermissions, Roles, SelfRoles,
        },
    },
};

use super::context::QueryContext;
use crate::{
    error::Error,
    store::read::{self, Overrides, structure},
};

impl Handler<QueryContext> for ListRoles {
    async fn handle(self, ctx: &mut QueryContext) -> Result<Roles, Error> {
        let roles = list_roles(ctx).await?;
        Ok(Roles { roles })
    }
}

impl Handler<QueryContext> for GetRolePermissions {
    async fn handle(self, ctx: &mut QueryContext) -> Result<RolePermissions, Error> {
        let roles = list_roles(ctx).await?;
        let found = roles.iter().find(|role| role.role_id == self.role_id);
        let found = found.ok_or(Reason::UnknownRole)?;
        Ok(RolePermissions {
            role_id: found.role_id,
            permissions: found.permissions,
        })
    }
}

impl Handler<QueryContext> for ListSelfRoles {
    async fn handle(self, ctx: &mut QueryContext) -> Result<SelfRoles, Error> {
        let (_, standing) = ctx.membership()?;
        let mut roles = list_roles(ctx).await?;
        roles.retain(|role| role.self_assignable);
        let ids = roles.iter().map(|role| role.role_id);
        let held = ids.filter(|id| standing.roles.contains(id)).collect();
        Ok(SelfRoles { roles, held })
    }
}

impl Handler<QueryContext> for ExplainPermissions {
    async fn handle(self, ctx: &mut QueryContext) -> Result<PermissionsExplained, Error> {
        let (server, own) = ctx.membership()?;
        let id = server.server_id;
        let snapshot = ctx.snapshot().await?;
        let roles = read::server::list_roles(snapshot, &[id]).await?;
        let overrides = match self.channel_id {
            Some(channel) => read::server::find_overrides(snapshot, id, channel).await?,
            None => Overrides::default(),
        };
        let structure = structure(&server, &roles, &overrides);
        if let Some(channel) = self.channel_id
            && structure.in_channel(&own, channel).is_empty()
        {
            return Err(Reason::UnknownChannel.into());
        }
        let (member, silenced) = match self.user_id.filter(|user| *user != own.user) {
            None => (own, ctx.silenced(self.channel_id)),
            Some(user) => {
                let held = structure.permit(&own, None, ctx.silenced(None));
                if !held.contains(Permissions::MANAGE_ROLES) {
                    return Err(Reason::Forbidden.into());
                }
                let now = ctx.now_ms();
                let found = read::member::find_asker(ctx.snapshot().await?, id, user).await?;
                let ((_, standing), silences) = found.ok_or(Reason::UnknownTarget)?;
                (standing, silences.at(self.channel_id, now))
            }
        };
        let (permissions, steps) = structure.explain(&member, self.channel_id, silenced);
        Ok(PermissionsExplained { permissions, steps })
    }
}

/// The roles of the scope's server, from that of everyone upwards.
async fn list_roles(ctx: &mut QueryContext) -> Result<Vec<Role>, Error> {
    let server = ctx.membership()?.0.server_id;
    let mut roles = read::server::list_roles(ctx.snapshot().await?, &[server]).await?;
    Ok(roles.remove(&server).unwrap_or_default())
}
