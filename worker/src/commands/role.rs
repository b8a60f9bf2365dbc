//! Roles: make, change, order and delete them, and take those that are for everyone to take.

use shared::{
    domain::{
        audit::Action,
        content,
        limits::MAX_ROLES,
        permissions::{Override, Permissions, TargetKind},
        rights::Change,
    },
    error::{Reason, Refusal},
    ids::RoleId,
    protocol::{
        Handler,
        role::{
            AddSelfRole, ClearOverride, CreateRole, DeleteRole, OwnRoles, RemoveSelfRole,
            ReorderRoles, Role, RoleCreated, RoleDeleted, RoleUpdated, RolesReordered, SetOverride,
            SetRolePermissions, UpdateRole,
        },
    },
};

use super::{
    member::roles::set_roles,
    overrides::{change_override, withdraw_overrides},
    rank::get_actor,
};
use crate::{
    error::Error,
    state::server::{Audience, Rank},
    store::write::{self, audit::Record},
    transaction::Context,
};

/// The largest colour: 8 bits each of red, green and blue.
const MAX_COLOUR: u32 = 0xFF_FF_FF;

impl Handler<Context<'_>> for CreateRole {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<RoleCreated, Error> {
        let actor = get_actor(ctx).await?;
        // It stands right above the role of everyone, and who makes it stands above it.
        actor.check_above(Rank::Role(0))?;
        actor.check_holds(self.permissions)?;
        let role = Role {
            role_id: ctx.next_id()?,
            name: content::check_title(&self.name, "name")?.to_owned(),
            permissions: self.permissions,
            position: 1,
            colour: self.colour.map_or(Ok(None), check_colour)?,
            hoist: self.hoist,
            mentionable: self.mentionable,
            self_assignable: self.self_assignable,
            category: check_category(self.category.as_deref().unwrap_or_default())?,
        };
        if role.self_assignable && !Permissions::SELF_ASSIGNABLE.contains(role.permissions) {
            return Err(Refusal::field(Reason::Invalid, "self_assignable").into());
        }
        let state = ctx.server().await?;
        let server = state.structure.server;
        let roles = state.roles.len();
        ctx.require(roles <= MAX_ROLES, Reason::LimitReached)?;
        write::role::insert_role(&mut ctx.write().await?, server, &role).await?;
        let state = ctx.server_mut().await?;
        state.structure.roles.insert(role.role_id, role.permissions);
        state.roles.insert(1, role.clone());
        let order = number_roles(ctx).await?;
        let record = Record::new(Action::RoleCreate).target(role.role_id);
        ctx.record_action(record.after(&role)?).await?;
        let change = Change::Role {
            role: role.role_id,
            before: None,
            after: Some(role.permissions),
        };
        let event = RoleCreated { role, order };
        ctx.emit_changes(Audience::Members, vec![change], &event)
            .await?;
        Ok(event)
    }
}

impl Handler<Context<'_>> for UpdateRole {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<RoleUpdated, Error> {
        let was = get_role(ctx, self.role_id).await?;
        let mut role = was.clone();
        if let Some(name) = self.name {
            content::check_title(&name, "name")?.clone_into(&mut role.name);
        }
        if let Some(colour) = self.colour {
            role.colour = check_colour(colour)?;
        }
        if let Some(category) = self.category {
            role.category = check_category(&category)?;
        }
        role.permissions = self.permissions.unwrap_or(role.permissions);
        role.hoist = self.hoist.unwrap_or(role.hoist);
        role.mentionable = self.mentionable.unwrap_or(role.mentionable);
        role.self_assignable = self.self_assignable.unwrap_or(role.self_assignable);
        change_role(ctx, was, role).await
    }
}

impl Handler<Context<'_>> for SetRolePermissions {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<RoleUpdated, Error> {
        let was = get_role(ctx, self.role_id).await?;
        let role = Role {
            permissions: self.permissions,
            ..was.clone()
        };
        change_role(ctx, was, role).await
    }
}

impl Handler<Context<'_>> for DeleteRole {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let role_id = self.role_id;
        let was = get_role(ctx, role_id).await?;
        check_not_everyone(ctx, role_id).await?;
        let actor = get_actor(ctx).await?;
        actor.check_above(Rank::Role(was.position))?;
        let state = ctx.server().await?;
        actor.check_sheds(state, role_id)?;
        let server = state.structure.server;
        write::role::delete_role(&mut ctx.write().await?, server, role_id).await?;
        let mut changes = withdraw_overrides(ctx, (TargetKind::Role, role_id.get())).await?;
        let state = ctx.server_mut().await?;
        state.structure.roles.remove(&role_id);
        state.roles.retain(|role| role.role_id != role_id);
        let order = number_roles(ctx).await?;
        changes.push(Change::Role {
            role: role_id,
            before: Some(was.permissions),
            after: None,
        });
        let record = Record::new(Action::RoleDelete).target(role_id);
        ctx.record_action(record.before(&was)?).await?;
        let event = RoleDeleted { role_id, order };
        ctx.emit_changes(Audience::Members, changes, &event).await?;
        Ok(())
    }
}

impl Handler<Context<'_>> for ReorderRoles {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let actor = get_actor(ctx).await?;
        let before = ctx.server().await?.role_order();
        let order = match self.position {
            Some(position) => move_role(&before, &self.roles, position)?,
            None => check_order(&before, self.roles)?,
        };
        if order == before {
            return Ok(());
        }
        let moved = (0..).zip(before.iter().zip(&order));
        if let Some((highest, _)) = moved.filter(|(_, (was, is))| was != is).last() {
            actor.check_above(Rank::Role(highest))?;
        }
        let state = ctx.server_mut().await?;
        let place = |role: &Role| order.iter().position(|id| *id == role.role_id);
        state.roles.sort_by_key(place);
        let order = number_roles(ctx).await?;
        let (was, event) = (RolesReordered { order: before }, RolesReordered { order });
        let record = Record::new(Action::RoleReorder);
        let record = record.before(&was)?.after(&event)?;
        ctx.record_action(record).await?;
        ctx.emit(Audience::Members, &event).await?;
        Ok(())
    }
}

impl Handler<Context<'_>> for AddSelfRole {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<OwnRoles, Error> {
        change_own_role(ctx, self.role_id, true).await
    }
}

impl Handler<Context<'_>> for RemoveSelfRole {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<OwnRoles, Error> {
        change_own_role(ctx, self.role_id, false).await
    }
}

impl Handler<Context<'_>> for SetOverride {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let given = Override {
            kind: self.kind,
            target: self.target,
            allow: self.allow,
            deny: self.deny,
        };
        let record = Record::new(Action::OverrideSet);
        let target = (self.kind, self.target);
        change_override(ctx, self.channel_id, target, (Some(given), record)).await
    }
}

impl Handler<Context<'_>> for ClearOverride {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let record = Record::new(Action::OverrideClear);
        let target = (self.kind, self.target);
        change_override(ctx, self.channel_id, target, (None, record)).await
    }
}

/// Takes or leaves a role that is for everyone to take. Roles that are gone leave with it.
async fn change_own_role(
    ctx: &mut Context<'_>,
    role_id: RoleId,
    taken: bool,
) -> Result<OwnRoles, Error> {
    let role = get_role(ctx, role_id).await?;
    ctx.require(role.self_assignable, Reason::Forbidden)?;
    let user = ctx.caller()?.user;
    let now = ctx.now_ms();
    let own = ctx.member(user).await?;
    // Who is silenced only looks on.
    let own = own.filter(|own| own.silences.everywhere <= now);
    let own = own.ok_or(Refusal::from(Reason::Forbidden))?.standing;
    let state = ctx.server().await?;
    let mut roles = own.roles.clone();
    roles.retain(|id| *id != role_id && state.find_role(*id).is_some());
    if taken {
        roles.push(role_id);
        roles.sort_unstable();
    }
    if roles != own.roles {
        set_roles(ctx, &own, roles.clone()).await?;
    }
    Ok(OwnRoles { roles })
}

/// Makes a role another one, of the same id and position, if the caller may.
async fn change_role(ctx: &mut Context<'_>, was: Role, role: Role) -> Result<RoleUpdated, Error> {
    let actor = get_actor(ctx).await?;
    actor.check_above(Rank::Role(was.position))?;
    actor.check_holds(was.permissions ^ role.permissions)?;
    let state = ctx.server().await?;
    if role.self_assignable && !was.self_assignable {
        // From now on everyone may take it, the caller first.
        actor.check_gives(state, &[role.role_id])?;
    }
    let server = state.structure.server;
    let only_permits = Role {
        permissions: was.permissions,
        ..role.clone()
    } == was;
    if role.role_id == state.structure.everyone() && !only_permits {
        return Err(Refusal::field(Reason::Invalid, "role_id").into());
    }
    if role.self_assignable && !Permissions::SELF_ASSIGNABLE.contains(state.gifts_of(&role)) {
        let field = if was.self_assignable {
            "permissions"
        } else {
            "self_assignable"
        };
        return Err(Refusal::field(Reason::Invalid, field).into());
    }
    if role == was {
        return Ok(RoleUpdated { role });
    }
    write::role::update_role(&mut ctx.write().await?, server, &role).await?;
    let state = ctx.server_mut().await?;
    state.structure.roles.insert(role.role_id, role.permissions);
    let known = state.roles.iter_mut();
    for known in known.filter(|known| known.role_id == role.role_id) {
        known.clone_from(&role);
    }
    let record = Record::new(Action::RoleUpdate).target(role.role_id);
    let record = record.before(&was)?.after(&role)?;
    ctx.record_action(record).await?;
    let permits_more_or_less = was.permissions != role.permissions;
    let changes = permits_more_or_less.then_some(Change::Role {
        role: role.role_id,
        before: Some(was.permissions),
        after: Some(role.permissions),
    });
    let event = RoleUpdated { role };
    ctx.emit_changes(Audience::Members, changes.into_iter().collect(), &event)
        .await?;
    Ok(event)
}

/// Gives each role of the scope's server the position at which it stands in the list; answers
/// the order.
async fn number_roles(ctx: &mut Context<'_>) -> Result<Vec<RoleId>, Error> {
    let state = ctx.server_mut().await?;
    for (position, role) in (0..).zip(&mut state.roles) {
        role.position = position;
    }
    let (server, order) = (state.structure.server, state.role_order());
    write::role::number_roles(&mut ctx.write().await?, server, &order).await?;
    Ok(order)
}

/// The order with one role at another place.
fn move_role(before: &[RoleId], moved: &[RoleId], position: u32) -> Result<Vec<RoleId>, Refusal> {
    let [moved] = moved else {
        return Err(Refusal::field(Reason::Invalid, "roles"));
    };
    let mut order = before.to_vec();
    let from = order.iter().position(|id| id == moved);
    let from = from.ok_or(Refusal::from(Reason::UnknownRole))?;
    if from == 0 {
        return Err(Refusal::field(Reason::Invalid, "roles"));
    }
    let to = position as usize;
    if to == 0 || to >= before.len() {
        return Err(Refusal::field(Reason::Invalid, "position"));
    }
    order.remove(from);
    order.insert(to, *moved);
    Ok(order)
}

/// A whole order: all roles, each once, that of everyone first.
fn check_order(before: &[RoleId], order: Vec<RoleId>) -> Result<Vec<RoleId>, Refusal> {
    let sorted = |roles: &[RoleId]| {
        let mut sorted = roles.to_vec();
        sorted.sort_unstable();
        sorted
    };
    if order.len() != before.len() {
        return Err(Refusal::field(Reason::Invalid, "roles"));
    }
    if !order.iter().all(|id| before.contains(id)) {
        return Err(Reason::UnknownRole.into());
    }
    if sorted(&order) != sorted(before) || order.first() != before.first() {
        return Err(Refusal::field(Reason::Invalid, "roles"));
    }
    Ok(order)
}

/// A role of the scope's server.
async fn get_role(ctx: &mut Context<'_>, id: RoleId) -> Result<Role, Error> {
    let found = ctx.server().await?.find_role(id).cloned();
    Ok(found.ok_or(Refusal::from(Reason::UnknownRole))?)
}

/// The role of everyone stays where it is.
async fn check_not_everyone(ctx: &mut Context<'_>, id: RoleId) -> Result<(), Error> {
    if ctx.server().await?.structure.everyone() == id {
        return Err(Refusal::field(Reason::Invalid, "role_id").into());
    }
    Ok(())
}

/// No colour is 0: nobody would tell black from the text around it.
fn check_colour(colour: u32) -> Result<Option<u32>, Refusal> {
    if colour > MAX_COLOUR {
        return Err(Refusal::field(Reason::Invalid, "colour"));
    }
    Ok((colour != 0).then_some(colour))
}

/// No category is an empty one.
fn check_category(category: &str) -> Result<Option<String>, Refusal> {
    if category.trim().is_empty() {
        return Ok(None);
    }
    Ok(Some(content::check_title(category, "category")?.to_owned()))
}
