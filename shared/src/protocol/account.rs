//! Accounts: sign up, sign in, guests, sign out; change them, and delete them. The deployment.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use shared_derive::{Body, Choice};

use super::macros::family;
use crate::{
    ids::{SessionId, UserId},
    protocol::{
        session::SessionInfo,
        user::{Profile, User},
    },
};

family! {
    commands: LogOut, SetSignUpPolicy, RenameDeployment, UpdateAccount, CreateUser, OpenSession,
        ReplacePassword, UpgradeGuest, RemoveAccount, StartExport;
    queries: Authenticate, GetDeployment, GetExport;
    forwarded: CreateAccount, LogIn, JoinAsGuest, ChangePassword, RegisterGuest, DeleteAccount;
    events: SessionOpened, SessionClosed, AccountUpdated;
}

/// Creates an account; the first one of a deployment administers it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[forwarded(2177, register, reply = SignedIn, access = Anyone, limit = SignIn)]
pub struct CreateAccount {
    /// The idempotency key.
    pub nonce: String,
    /// 2 to 32 letters, digits, `_`, `-` or `.`; unique whatever the case.
    pub name: String,
    /// 8 to 256 bytes.
    pub password: String,
    /// A code that an administrator made, for the deployment or for his server, where signing up
    /// needs one: `invite_preview` says whether it is enough.
    #[serde(default)]
    pub invite: Option<String>,
    /// What the session list calls this device.
    #[serde(default)]
    pub device: Option<String>,
}

/// Signs in with a name and a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[forwarded(2178, login, reply = SignedIn, access = Anyone, limit = SignIn)]
pub struct LogIn {
    /// The idempotency key.
    pub nonce: String,
    /// The name of the account.
    pub name: String,
    /// Its password.
    pub password: String,
    /// What the session list calls this device.
    #[serde(default)]
    pub device: Option<String>,
}

/// Creates an account with a generated name and no password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[forwarded(2179, guest, reply = SignedIn, access = Anyone, limit = SignIn)]
pub struct JoinAsGuest {
    /// The idempotency key: 16 to 64 characters by chance, as a client that repeats it within a
    /// day is this guest.
    pub nonce: String,
    /// What the session list calls this device.
    #[serde(default)]
    pub device: Option<String>,
}

/// A session was opened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct SignedIn {
    /// Opens the session on any gateway; who has it is this person.
    pub token: String,
    /// Who signed in.
    pub user: User,
    /// The session.
    pub session_id: SessionId,
}

/// Says whose session a token opens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2176, auth, reply = Identity, access = Anyone, limit = SignIn)]
pub struct Authenticate {
    /// The token.
    pub token: String,
}

/// Whose session a token opens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Identity {
    /// The person.
    pub user: User,
    /// The session.
    pub session_id: SessionId,
}

/// Ends the session that sends it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(144, logout, access = Account, limit = Write)]
pub struct LogOut {
    /// The idempotency key.
    pub nonce: String,
}

/// Creates an account whose password is hashed already, and its first session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[internal(61568, user_create, reply = SignedIn, nonce = ignored)]
pub struct CreateUser {
    /// The idempotency key of the sign-up.
    pub nonce: String,
    /// The checked name; none for a guest, whose name the lane makes from the id.
    pub name: Option<String>,
    /// The hash in PHC form; none for a guest.
    pub password_hash: Option<String>,
    /// The code to redeem.
    pub invite: Option<String>,
    /// Whether an account other than the first needs a code.
    pub invite_required: bool,
    /// What the session list calls this device.
    pub device: String,
}

/// Opens a session for a person whose password was verified.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[internal(61569, session_open, reply = SignedIn, nonce = ignored)]
pub struct OpenSession {
    /// The idempotency key of the sign-in.
    pub nonce: String,
    /// Whose session.
    pub user_id: UserId,
    /// What the session list calls this device.
    pub device: String,
    /// The hash that was verified: if it is another one by now, no session opens. Absent from an
    /// older program, whose sign-ins are compared with nothing.
    #[serde(default)]
    pub verified: Option<String>,
}

/// The account was signed in to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(144, session_opened)]
pub struct SessionOpened {
    /// The session, as `sessions_list` shows it.
    pub session: SessionInfo,
}

/// A session of the account ended: signed out or revoked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(145, session_closed)]
pub struct SessionClosed {
    /// The session.
    pub session_id: SessionId,
}

/// Who may create an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Choice)]
pub enum SignUp {
    /// Everyone.
    Open = 0,
    /// Those who have a code that an administrator made; the first account needs none.
    Invite = 1,
    /// Nobody but the first account.
    Closed = 2,
}

/// Shows what somebody must know of the deployment before signing in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2180, deployment_info, reply = Deployment, access = Anyone, limit = Read)]
pub struct GetDeployment {}

/// The deployment, for anyone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Deployment {
    /// What it is called.
    pub name: String,
    /// Who may create an account.
    pub signup: SignUp,
    /// Whether people may come in as guests.
    pub guests: bool,
    /// Whether nobody has signed up yet: the first account administers it, and needs no code.
    pub empty: bool,
}

/// Says who may sign up from now on, in place of what the workers were started with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(145, signup_policy_set, access = Deployment, limit = Write)]
pub struct SetSignUpPolicy {
    /// The idempotency key.
    pub nonce: String,
    /// Who may create an account; stays when absent.
    #[serde(default)]
    pub signup: Option<SignUp>,
    /// Whether people may come in as guests; stays when absent.
    #[serde(default)]
    pub guests: Option<bool>,
}

/// Calls the deployment something else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(146, deployment_rename, access = Deployment, limit = Write)]
pub struct RenameDeployment {
    /// The idempotency key.
    pub nonce: String,
    /// Up to 100 characters.
    pub name: String,
}

/// Changes what the account says of itself; what is absent stays.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(147, account_update, access = Account, limit = Write)]
pub struct UpdateAccount {
    /// The idempotency key.
    pub nonce: String,
    /// As for signing up. Guests keep the name that was made for them.
    #[serde(default)]
    pub name: Option<String>,
    /// An HTTPS address of up to 200 characters, or nothing.
    #[serde(default)]
    pub avatar: Option<String>,
    /// Up to 500 characters.
    #[serde(default)]
    pub bio: Option<String>,
    /// The language of the client as a BCP 47 tag, or nothing.
    #[serde(default)]
    pub locale: Option<String>,
}

/// Begins to write down everything personal of the account, as lines of JSON: `account_export_get`
/// shows how far it is, and the lines. One at a time, and one a day.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(148, account_export, reply = Export, access = Account, limit = Write)]
pub struct StartExport {
    /// The idempotency key.
    pub nonce: String,
}

/// Everything personal of an account, as it was when it was written down.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Export {
    /// When it was begun, in milliseconds since 1970.
    pub started_at: u64,
    /// When it was finished; absent as long as it is written.
    pub finished_at: Option<u64>,
    /// Until when it can be fetched, in milliseconds since 1970: seven days from its end; 0 as long
    /// as it is written.
    pub expires_at: u64,
    /// Its parts, each of up to 64 KiB or one longer line.
    pub parts: u32,
    /// How many bytes they have together.
    pub bytes: u64,
    /// Whether it ended at 256 MiB, so that something is missing.
    pub cut: bool,
}

/// Shows the last export of the account, and a part of it once it is finished.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2184, account_export_get, reply = ExportPart, access = Account, limit = Read)]
pub struct GetExport {
    /// Which part, from 0; none when absent.
    #[serde(default)]
    pub part: Option<u32>,
}

/// An export, and a part of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct ExportPart {
    /// The export.
    pub export: Export,
    /// Whole lines, each an object whose `kind` says what it is. Absent as long as it is written,
    /// and when no part was asked for.
    pub lines: Option<String>,
}

/// Changes the password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[forwarded(2181, password_change, access = Account, limit = SignIn)]
pub struct ChangePassword {
    /// The idempotency key.
    pub nonce: String,
    /// The password until now.
    pub password: String,
    /// 8 to 256 bytes.
    pub new_password: String,
    /// Whether all other sessions of the account end with it.
    #[serde(default)]
    pub end_others: bool,
}

/// Gives a guest a name and a password; the account stays the same.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[forwarded(2182, account_register, reply = User, access = Account, limit = SignIn)]
pub struct RegisterGuest {
    /// The idempotency key.
    pub nonce: String,
    /// As for signing up.
    pub name: String,
    /// 8 to 256 bytes.
    pub password: String,
    /// As for signing up.
    #[serde(default)]
    pub invite: Option<String>,
}

/// Deletes the account: it leaves its servers, and nothing is left of it but its messages. Who owns
/// a server hands it over or deletes it before, and who administers the deployment stays.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[forwarded(2183, account_delete, access = Account, limit = SignIn)]
pub struct DeleteAccount {
    /// The idempotency key.
    pub nonce: String,
    /// The password; guests have none.
    #[serde(default)]
    pub password: Option<String>,
}

/// Replaces the hash of a password that was verified.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[internal(61570, password_replace, nonce = ignored)]
pub struct ReplacePassword {
    /// The idempotency key of the client.
    pub nonce: String,
    /// The hash of the new password in PHC form.
    pub password_hash: String,
    /// The hash that was verified: if it is another one by now, nothing is replaced.
    pub replaced_hash: String,
    /// Whether all other sessions end.
    pub end_others: bool,
}

/// Gives a guest a checked name and the hash of a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[internal(61571, guest_upgrade, reply = User, nonce = ignored)]
pub struct UpgradeGuest {
    /// The idempotency key of the client.
    pub nonce: String,
    /// The checked name.
    pub name: String,
    /// The hash in PHC form.
    pub password_hash: String,
    /// The code to redeem.
    pub invite: Option<String>,
    /// Whether an account other than the first needs a code.
    pub invite_required: bool,
}

/// Deletes an account whose password was verified.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[internal(61572, account_remove, nonce = ignored)]
pub struct RemoveAccount {
    /// The idempotency key of the client.
    pub nonce: String,
    /// The hash that was verified; none of a guest.
    pub password_hash: Option<String>,
}

/// The account says something else of itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(146, account_updated)]
pub struct AccountUpdated {
    /// The account as it is now.
    pub profile: Profile,
}
