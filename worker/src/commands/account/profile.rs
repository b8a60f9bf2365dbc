//! Accounts: the lane's part of changing what they say of themselves and how they sign in, and
//! of deleting them.

use shared::{
    bus::envelope::pack,
    domain::{
        content::{self, MAX_BIO_CHARS},
        limits::{MAX_ANNOUNCED, MAX_HELD_NAMES, NAME_HELD_MS},
    },
    error::{Reason, Refusal},
    ids::{ServerId, UserId},
    protocol::{
        Handler,
        account::{AccountUpdated, RemoveAccount, ReplacePassword, UpdateAccount, UpgradeGuest},
        server::ForsakeServer,
        user::{AnnounceUser, Profile, User},
    },
};

use crate::{
    commands::session,
    error::Error,
    store::{
        jobs::{ACCOUNT_PURGE, ACCOUNT_SWEEP, SWEEP_AFTER_S},
        write::{self, account::NewAccount},
    },
    transaction::Context,
};

/// More members than any server has: a count has 31 bits.
const ANY_SIZE: u32 = i32::MAX.cast_unsigned();

impl Handler<Context<'_>> for UpdateAccount {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let Self {
            nonce: _,
            name,
            avatar,
            bio,
            locale,
        } = self;
        let was = get_profile(ctx).await?;
        let mut now = was.clone();
        if let Some(name) = name {
            if was.user.guest {
                return Err(Refusal::field(Reason::Forbidden, "name").into());
            }
            // A name from before a rule for names stays.
            if name != was.user.name {
                content::check_new_name(&name)?.clone_into(&mut now.user.name);
            }
        }
        if let Some(avatar) = avatar {
            content::check_picture(&avatar, "avatar")?.clone_into(&mut now.user.avatar);
        }
        if let Some(bio) = bio {
            content::check_text(&bio, "bio", MAX_BIO_CHARS)?.clone_into(&mut now.bio);
        }
        if let Some(locale) = locale {
            content::check_locale(&locale)?.clone_into(&mut now.locale);
        }
        if now == was {
            return Ok(());
        }
        let servers = list_told(ctx, &was.user, &now.user).await?;
        ctx.draw_telling(servers.len())?;
        let folded = content::fold_name(&now.user.name);
        let former = content::fold_name(&was.user.name);
        let renamed = former != folded;
        // First of all: who may have no other name learns nothing of which ones there are.
        if renamed {
            let asked = (now.user.user_id, ctx.now_ms());
            let held = write::account::count_held_names(ctx.read().await?, asked).await?;
            if held >= MAX_HELD_NAMES {
                return Err(Refusal::field(Reason::LimitReached, "name").into());
            }
        }
        let updated =
            write::account::update_profile(&mut ctx.write().await?, &now, &folded).await?;
        ctx.require(updated, Reason::NameTaken)?;
        if renamed {
            check_name_is_free(ctx, &folded, now.user.user_id).await?;
            hold_name(ctx, &former, now.user.user_id).await?;
        }
        announce_account(ctx, &was.user, now).await
    }
}

/// Refuses a name that somebody else gave up a short time ago: who knew him by it would take the
/// one for the other.
pub(super) async fn check_name_is_free(
    ctx: &mut Context<'_>,
    folded: &str,
    user: UserId,
) -> Result<(), Error> {
    let asked = (user, ctx.now_ms());
    let held = write::account::is_name_held(ctx.read().await?, folded, asked).await?;
    ctx.require(!held, Reason::NameTaken)
}

async fn hold_name(ctx: &mut Context<'_>, folded: &str, user: UserId) -> Result<(), Error> {
    let until = ctx.now_ms() + NAME_HELD_MS;
    write::account::hold_name(&mut ctx.write().await?, folded, (user, until)).await?;
    Ok(())
}

impl Handler<Context<'_>> for ReplacePassword {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let Self {
            nonce,
            password_hash,
            replaced_hash,
            end_others,
        } = self;
        let caller = ctx.caller()?;
        let mut writes = ctx.write().await?;
        let replaced = write::account::replace_password(
            &mut writes,
            caller.user,
            &nonce,
            &password_hash,
            &replaced_hash,
        )
        .await?;
        if !replaced {
            // A repeat changes nothing more; else somebody changed the password meanwhile.
            let reads = ctx.read().await?;
            let repeat = write::account::has_password_of(reads, caller.user, &nonce).await?;
            return ctx.require(repeat, Reason::WrongCredentials);
        }
        if end_others {
            session::close_sessions(ctx, caller.user, Some(caller.session)).await?;
        }
        Ok(())
    }
}

impl Handler<Context<'_>> for UpgradeGuest {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<User, Error> {
        let Self {
            nonce,
            name,
            password_hash,
            invite,
            invite_required,
        } = self;
        let was = get_profile(ctx).await?;
        let id = was.user.user_id;
        if !was.user.guest {
            let repeat = write::account::has_password_of(ctx.read().await?, id, &nonce).await?;
            ctx.require(repeat, Reason::Forbidden)?;
            return Ok(was.user);
        }
        let admin = write::account::claim_deployment(&mut ctx.write().await?, id).await?;
        if !admin && invite_required {
            let code = invite.as_deref();
            let code = code.ok_or(Refusal::from(Reason::InviteRequired))?;
            let opened = write::invite::open_account(&mut ctx.write().await?, code, id).await?;
            ctx.require(opened, Reason::UnknownInvite)?;
        }
        let upgraded = NewAccount {
            id,
            name: &name,
            folded: &content::fold_name(&name),
            password_hash: Some(&password_hash),
            admin,
            nonce: &nonce,
        };
        let done = write::account::upgrade_guest(&mut ctx.write().await?, &upgraded).await?;
        ctx.require(done, Reason::NameTaken)?;
        check_name_is_free(ctx, upgraded.folded, id).await?;
        let user = User {
            name,
            guest: false,
            admin,
            ..was.user.clone()
        };
        let now = Profile {
            user: user.clone(),
            ..was.clone()
        };
        announce_account(ctx, &was.user, now).await?;
        Ok(user)
    }
}

impl Handler<Context<'_>> for RemoveAccount {
    async fn handle(self, ctx: &mut Context<'_>) -> Result<(), Error> {
        let was = get_profile(ctx).await?;
        let user = was.user.user_id;
        ctx.require(!was.user.admin, Reason::Forbidden)?;
        // Before and behind the lock of the row: who founds a server or is handed one holds
        // it, too.
        let owns = write::server::owns_servers(ctx.read().await?, user).await?;
        ctx.require(!owns, Reason::OwnerCannotLeave)?;
        let verified = self.password_hash.as_deref();
        let buried = write::account::bury_account(&mut ctx.write().await?, user, verified).await?;
        ctx.require(buried, Reason::WrongCredentials)?;
        if !was.user.guest {
            hold_name(ctx, &content::fold_name(&was.user.name), user).await?;
        }
        write::account::orphan_names(&mut ctx.write().await?, user).await?;
        let owns = write::server::owns_servers(ctx.read().await?, user).await?;
        ctx.require(!owns, Reason::OwnerCannotLeave)?;
        session::close_sessions(ctx, user, None).await?;
        let servers = write::server::list_servers_of(ctx.read().await?, user, ANY_SIZE).await?;
        ctx.enqueue_for_servers(&servers, &ForsakeServer {}).await?;
        // What may be much goes in slices; and once more what was written meanwhile.
        let all = pack(&(user, 0_u64));
        ctx.enqueue_job(ACCOUNT_PURGE, &all).await?;
        ctx.enqueue_job_later(ACCOUNT_SWEEP, &all, SWEEP_AFTER_S)
            .await
    }
}

/// The caller's account, which is owned by this lane and was not deleted.
pub(super) async fn get_profile(ctx: &mut Context<'_>) -> Result<Profile, Error> {
    let user: UserId = ctx.caller()?.user;
    ctx.require(user.partition() == ctx.partition(), Reason::Malformed)?;
    let found = write::account::find_profile(ctx.read().await?, user).await?;
    found
        .filter(|profile| !profile.user.deleted)
        .ok_or_else(|| Reason::Unauthenticated.into())
}

/// Tells the account's devices what it says of itself now, and its servers, if they are not
/// large, what others see of it.
async fn announce_account(ctx: &mut Context<'_>, was: &User, now: Profile) -> Result<(), Error> {
    let user = now.user.user_id;
    // Behind the lock of the row: who joins a server holds it, too.
    let servers = list_told(ctx, was, &now.user).await?;
    ctx.enqueue_for_servers(&servers, &AnnounceUser {}).await?;
    ctx.emit_to(user, None, &AccountUpdated { profile: now });
    Ok(())
}

/// The servers that are told of what others see of an account.
async fn list_told(ctx: &mut Context<'_>, was: &User, now: &User) -> Result<Vec<ServerId>, Error> {
    if now == was {
        return Ok(Vec::new());
    }
    // A new name is another place in the lists of members, of large servers, too.
    let most = if now.name == was.name {
        MAX_ANNOUNCED
    } else {
        ANY_SIZE
    };
    Ok(write::server::list_servers_of(ctx.read().await?, now.user_id, most).await?)
}
