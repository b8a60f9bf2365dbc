//! What forwarded requests hand to lanes.

use shared::{
    bus::{Quota, envelope::Entry},
    domain::{content, limits::RateLimit},
    error::{Reason, Refusal},
    ids::Partition,
    protocol::{
        Request,
        account::{
            Authenticate, CreateAccount, CreateUser, JoinAsGuest, LogIn, OpenSession, SignUp,
        },
        encode,
        invite::{JoinMember, RedeemInvite},
        server::{CreateServer, FoundServer},
    },
};

use super::{
    super::{MAX_RUN, answer_client},
    chat::{BOB, CAROL, Chat, SERVER, entry, id, read, server, session_id},
};
use crate::{
    limiter::{Limiter, Quotas},
    password::Hasher,
};

const PASSWORD: &str = "correct horse";

fn register(name: &str, invite: Option<&str>) -> CreateAccount {
    CreateAccount {
        nonce: "nonce-1".to_owned(),
        name: name.to_owned(),
        password: PASSWORD.to_owned(),
        invite: invite.map(str::to_owned),
        device: Some("  my phone ".to_owned()),
    }
}

fn log_in(name: &str, password: &str) -> LogIn {
    LogIn {
        nonce: "nonce-2".to_owned(),
        name: name.to_owned(),
        password: password.to_owned(),
        device: None,
    }
}

fn of_name(name: &str) -> Partition {
    Partition::of_hash(content::fold_name(name).as_bytes())
}

fn of_user(user: u64) -> Partition {
    id::<shared::ids::User>(user).partition()
}

impl Chat {
    async fn sign_up(&self, request: &CreateAccount) -> Result<CreateUser, Refusal> {
        let opened = self.open(0, request, of_name(&request.name)).await;
        opened.map(|(_, create)| create)
    }

    async fn sign_in(&self, name: &str, password: &str) -> Result<OpenSession, Refusal> {
        let opened = self.open(0, &log_in(name, password), of_user(BOB)).await;
        opened.map(|(_, open)| open)
    }

    async fn set_password(&self, user: u64, password: &str) {
        let hash = self.deps.hasher.hash(password.to_owned()).await.unwrap();
        self.run(&format!(
            "UPDATE accounts SET password_hash = '{hash}' WHERE id = {user}"
        ))
        .await;
    }
}

#[tokio::test]
async fn signing_up_hands_a_hashed_password_to_the_lane_of_the_name() {
    let chat = Chat::new().await;
    let (entry, create): (_, CreateUser) = chat
        .open(0, &register("Ｅve", None), of_name("eve"))
        .await
        .unwrap();
    assert_eq!(
        (entry.node.as_str(), entry.connection, entry.ticket),
        ("gateway-1", 7, 9)
    );
    assert_eq!(entry.trace.as_deref(), Some("trace"));
    assert_eq!(create.name.as_deref(), Some("Ｅve"));
    assert_eq!(create.device, "my phone");
    assert!(!create.invite_required);
    let hash = create.password_hash.unwrap();
    assert!(!hash.contains(PASSWORD));
    let hasher = &chat.deps.hasher;
    assert!(
        hasher
            .verify(PASSWORD.to_owned(), Some(hash))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn bad_sign_ups_are_refused() {
    type Spoil = fn(&mut CreateAccount);
    let chat = Chat::new().await;
    let spoils: [(&str, Spoil); 4] = [
        ("nonce", |request| request.nonce.clear()),
        ("name", |request| request.name = "a b".to_owned()),
        ("password", |request| request.password = "short".to_owned()),
        ("password", |request| request.password = "x".repeat(257)),
    ];
    for (field, spoil) in spoils {
        let mut request = register("eve", None);
        spoil(&mut request);
        let refused = chat.sign_up(&request).await.unwrap_err();
        assert_eq!(refused, Refusal::field(Reason::Invalid, field));
    }
    let taken = chat.sign_up(&register("BOB", None)).await.unwrap_err();
    assert_eq!(taken.reason, Reason::NameTaken);
}

#[tokio::test]
async fn a_repeated_sign_up_signs_in() {
    let chat = Chat::new().await;
    chat.set_password(BOB, PASSWORD).await;
    chat.run("UPDATE accounts SET nonce = 'nonce-1' WHERE id = 2")
        .await;
    let request = register("bob", None);
    let (_, open): (_, OpenSession) = chat.open(0, &request, of_user(BOB)).await.unwrap();
    assert_eq!(open.user_id, id::<shared::ids::User>(BOB));
    assert_eq!(
        (open.nonce.as_str(), open.device.as_str()),
        ("nonce-1", "my phone")
    );
    assert!(open.verified.is_some(), "the lane compares it");
    // The nonce alone proves nothing.
    let request = CreateAccount {
        password: "another one".to_owned(),
        ..request
    };
    let refused = chat.sign_up(&request).await.unwrap_err();
    assert_eq!(refused.reason, Reason::NameTaken);
}

#[tokio::test]
async fn the_policy_says_who_needs_a_code() {
    let invites = "INSERT INTO invites (code, server, creator, max_uses, uses, opens_account) VALUES
        ('deploy', NULL, 1, 1, 0, true), ('used', NULL, 1, 1, 1, true), ('former', NULL, 2, NULL, 0, true),
        ('link', 100, 1, NULL, 0, true), ('members', 100, 2, NULL, 0, false), ('gone', 101, 1, NULL, 0, true),
        ('elsewhere', 200, 1, NULL, 0, true), ('before', 100, 1, NULL, 0, false)";
    let with = |policy| Chat::with(move |deps| deps.sign_up.invites = policy);

    let chat = with(SignUp::Invite).await;
    chat.run(invites).await;
    for (code, reason) in [
        (None, Reason::InviteRequired),
        (Some("none"), Reason::UnknownInvite),
        (Some("used"), Reason::UnknownInvite),
        (Some("former"), Reason::UnknownInvite),
        (Some("gone"), Reason::UnknownInvite),
        (Some("members"), Reason::InviteRequired),
        (Some("elsewhere"), Reason::InviteRequired),
        (Some("before"), Reason::InviteRequired),
    ] {
        let refused = chat.sign_up(&register("eve", code)).await.unwrap_err();
        assert_eq!(refused.reason, reason, "{code:?}");
        let says_why = refused.detail.is_some();
        let of_server = [Some("members"), Some("elsewhere"), Some("before")].contains(&code);
        assert_eq!(says_why, of_server, "{code:?}");
    }
    // Which names there are is told to those alone who may have one.
    let refused = chat.sign_up(&register("bob", None)).await.unwrap_err();
    assert_eq!(refused.reason, Reason::InviteRequired);
    let refused = chat.sign_up(&register("bob", Some("deploy"))).await;
    assert_eq!(refused.unwrap_err().reason, Reason::NameTaken);
    for code in ["deploy", "link"] {
        let create = chat.sign_up(&register("eve", Some(code))).await.unwrap();
        let due = (Some(code), true);
        assert_eq!((create.invite.as_deref(), create.invite_required), due);
    }

    let chat = with(SignUp::Closed).await;
    chat.run(invites).await;
    let refused = chat
        .sign_up(&register("eve", Some("deploy")))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, Reason::Forbidden);

    // Before the first account the lane decides, and lets only that one in.
    for policy in [SignUp::Invite, SignUp::Closed] {
        let chat = with(policy).await;
        chat.run("UPDATE deployment SET first_account = NULL").await;
        let create = chat.sign_up(&register("eve", None)).await.unwrap();
        assert_eq!((create.invite, create.invite_required), (None, true));
    }
}

#[tokio::test]
async fn guests_come_in_where_they_may() {
    let guest = |nonce: &str| JoinAsGuest {
        nonce: nonce.to_owned(),
        device: None,
    };
    let nonce = "0123456789abcdef";
    let partition = Partition::of_hash(nonce.as_bytes());
    let chat = Chat::new().await;
    let (_, create): (_, CreateUser) = chat.open(0, &guest(nonce), partition).await.unwrap();
    assert_eq!((create.name, create.password_hash), (None, None));
    assert_eq!(create.device, "unknown device");
    // An attacker who guesses the nonce of a guest would be that guest.
    let refused = chat.open::<_, CreateUser>(0, &guest("1"), partition).await;
    assert_eq!(
        refused.unwrap_err(),
        Refusal::field(Reason::Invalid, "nonce")
    );

    let chat = Chat::with(|deps| deps.sign_up.guests = false).await;
    let refused = chat
        .open::<_, CreateUser>(0, &guest(nonce), partition)
        .await;
    assert_eq!(refused.unwrap_err().reason, Reason::Forbidden);
}

#[tokio::test]
async fn signing_in_needs_the_password() {
    let chat = Chat::new().await;
    chat.set_password(BOB, PASSWORD).await;
    let open = chat.sign_in("Bob", PASSWORD).await.unwrap();
    assert_eq!(open.user_id, id::<shared::ids::User>(BOB));
    // Wrong, without a password, not there, and not even a name.
    for (name, password) in [
        ("bob", "wrong horse"),
        ("carol", PASSWORD),
        ("nobody", PASSWORD),
        ("no name", PASSWORD),
        ("n\0l", PASSWORD),
    ] {
        let refused = chat.sign_in(name, password).await.unwrap_err();
        assert_eq!(refused, Reason::WrongCredentials.into(), "{name}");
    }
}

#[tokio::test]
async fn an_unknown_name_costs_the_work_of_a_known_one() {
    // One place, and it is taken: a sign-in that needs the hasher hears so.
    let hasher = Hasher::new(1, 0).unwrap();
    let busy = hasher.occupy().unwrap();
    let chat = Chat::with(|deps| deps.hasher = hasher).await;
    for name in ["bob", "nobody", "no name"] {
        let refused = chat.sign_in(name, PASSWORD).await.unwrap_err();
        assert_eq!(refused.reason, Reason::Busy, "{name}");
        assert!(refused.retry_after.is_some());
    }
    drop(busy);
    let refused = chat.sign_in("nobody", PASSWORD).await.unwrap_err();
    assert_eq!(refused.reason, Reason::WrongCredentials);
}

/// Signing in and up three times an hour.
async fn limited() -> Chat {
    let thrice = Quota {
        burst: 3,
        count: 3,
        period_ms: 3_600_000,
        cooldown_ms: 0,
    };
    let quotas = Quotas::new(|limit| (limit == RateLimit::SignIn).then_some(thrice));
    let chat = Chat::with(|deps| {
        deps.limiter = Limiter::new(deps.bus.clone(), deps.clock.clone(), quotas);
    })
    .await;
    for user in [BOB, CAROL] {
        chat.set_password(user, PASSWORD).await;
    }
    chat
}

impl Chat {
    /// Why a request of a stranger at an address was refused, if it was.
    async fn stranger<R: Request>(&self, request: &R, address: u64) -> Option<Refusal> {
        let entry = Entry {
            address,
            ..entry(0, R::ROW.opcode, 0, encode(request))
        };
        let (_, frame) = answer_client(&self.deps, entry, MAX_RUN).await;
        frame.and_then(|frame| read(&frame).err())
    }

    async fn tried(&self, name: &str, password: &str, address: u64) -> Option<Refusal> {
        self.stranger(&log_in(name, password), address).await
    }
}

fn is_limited(refusal: Option<Refusal>) -> bool {
    refusal.is_some_and(|refusal| {
        let wait = refusal.retry_after.unwrap_or(0);
        refusal.reason == Reason::RateLimited && (1..=3_600_000).contains(&wait)
    })
}

#[tokio::test]
async fn failed_sign_ins_are_limited_by_name_where_they_are_tried() {
    let chat = limited().await;
    // Those that succeed count for the account.
    for _ in 0..3 {
        assert_eq!(chat.tried("bob", PASSWORD, 5).await, None);
    }
    for _ in 0..2 {
        let refused = chat.tried("bob", "wrong horse", 5).await.unwrap();
        assert_eq!(refused.reason, Reason::WrongCredentials);
    }
    assert_eq!(chat.tried("bob", PASSWORD, 5).await, None);
    // However often he is refused, the others of his address are not.
    for _ in 0..9 {
        assert!(is_limited(chat.tried("bob", PASSWORD, 5).await));
    }
    assert_eq!(chat.tried("carol", PASSWORD, 5).await, None);
    // And nobody is locked out by what is tried elsewhere.
    assert_eq!(chat.tried("bob", PASSWORD, 6).await, None);
}

#[tokio::test]
async fn who_meets_full_hashers_has_tried_nothing() {
    let chat = limited().await;
    let full: Vec<_> = (0..10)
        .map(|_| chat.deps.hasher.occupy().unwrap())
        .collect();
    for _ in 0..9 {
        let refused = chat.tried("bob", PASSWORD, 5).await.unwrap();
        assert_eq!(refused.reason, Reason::Busy);
    }
    drop(full);
    assert_eq!(chat.tried("bob", PASSWORD, 5).await, None);
}

#[tokio::test]
async fn nobody_keeps_the_hashers_busy_with_a_password_of_his_own() {
    let chat = limited().await;
    let mut hashed = 0;
    while chat.tried("bob", PASSWORD, 5).await.is_none() {
        hashed += 1;
        assert!(hashed < 20, "each of them was given back");
    }
    assert_eq!(hashed, 6, "three of the account, three of its name there");
    assert_eq!(chat.tried("carol", PASSWORD, 5).await, None);
}

#[tokio::test]
async fn who_tries_passwords_keeps_no_neighbour_from_anything_else() {
    let chat = limited().await;
    while chat.tried("nobody", PASSWORD, 5).await.unwrap().reason != Reason::RateLimited {}
    for name in ["no-1", "no-2", "no-3"] {
        chat.tried(name, PASSWORD, 5).await;
    }
    assert!(is_limited(chat.tried("carol", PASSWORD, 5).await));
    assert_eq!(chat.stranger(&register("eve", None), 5).await, None);
    // Tokens that nobody made are limited by address, those of sessions by themselves.
    let invented = Authenticate {
        token: "invented".to_owned(),
    };
    while !is_limited(chat.stranger(&invented, 5).await) {}
    let (user, session) = (id(BOB), id(900));
    let token = chat.deps.keys.sign_token(user, session, [0; 16]);
    let refused = chat.stranger(&Authenticate { token }, 5).await.unwrap();
    assert_eq!(refused, Reason::Unauthenticated.into());
}

#[tokio::test]
async fn a_repeated_server_finds_the_same_lane() {
    let chat = Chat::new().await;
    let request = CreateServer {
        nonce: "n-1".to_owned(),
        name: "  Films ".to_owned(),
    };
    let partition = Partition::of_hash(format!("{CAROL}:n-1").as_bytes());
    for _ in 0..2 {
        let (entry, found): (_, FoundServer) = chat.open(CAROL, &request, partition).await.unwrap();
        let caller = entry.caller.unwrap();
        assert_eq!((caller.user, caller.session), (id(CAROL), session_id(77)));
        assert_eq!((entry.scope, found.name.as_str()), (0, "Films"));
    }
    assert_eq!(chat.stream(partition).await.len(), 2);
    let bad = CreateServer {
        name: " ".to_owned(),
        ..request
    };
    let refused = chat.open::<_, FoundServer>(CAROL, &bad, partition).await;
    assert_eq!(
        refused.unwrap_err(),
        Refusal::field(Reason::Invalid, "name")
    );
}

#[tokio::test]
async fn redeeming_goes_to_the_lane_of_the_server() {
    let chat = Chat::new().await;
    chat.run(
        "INSERT INTO invites (code, server, creator, max_uses, uses, revoked) VALUES
         ('good', 100, 1, NULL, 0, false), ('mine', 100, 1, 1, 1, false), ('used', 100, 1, 1, 1, false),
         ('revoked', 100, 1, NULL, 0, true), ('deploy', NULL, 1, NULL, 0, false);
         INSERT INTO invite_uses (code, account) VALUES ('mine', 3), ('used', 2)",
    )
    .await;
    let redeem = async |code: &str| {
        let request = RedeemInvite {
            nonce: "n-2".to_owned(),
            code: code.to_owned(),
        };
        chat.open::<_, JoinMember>(CAROL, &request, server().partition())
            .await
    };
    // A repeat of what used the code up must reach the lane: it knows the nonce.
    for code in ["good", "mine"] {
        let (entry, join) = redeem(code).await.unwrap();
        assert_eq!(entry.scope, SERVER);
        assert_eq!(entry.caller.unwrap().user, id::<shared::ids::User>(CAROL));
        assert_eq!((join.code.as_str(), join.nonce.as_str()), (code, "n-2"));
    }
    for code in ["used", "revoked", "deploy", "none", "n\0l"] {
        assert_eq!(
            redeem(code).await.unwrap_err().reason,
            Reason::UnknownInvite,
            "{code}"
        );
    }
}
