//! What is read, and by whom it may not be.

use shared::{
    error::Reason,
    protocol::{
        Access, RowKind,
        account::Authenticate,
        channel::GetChannels,
        coded_rows,
        invite::PreviewInvite,
        message::{GetMessage, GetMessages},
        ping::Ping,
        rows,
        server::{GetServer, ListServers},
        session::ListSessions,
        user::ListUsers,
    },
};

use super::chat::{
    ALICE, BOB, CAROL, Chat, DAVE, OPEN, OTHER_CHANNEL, OTHER_SERVER, SECRET, SERVER, SILENT, id,
};
use crate::fixture::NOW;

fn page(channel: u64) -> GetMessages {
    GetMessages {
        channel_id: id(channel),
        before: None,
        after: None,
        limit: None,
    }
}

#[tokio::test]
async fn every_row_refuses_strangers() {
    let chat = Chat::new().await;
    let taken = coded_rows().filter(|row| matches!(row.kind, RowKind::Query | RowKind::Forwarded));
    let mut checked = 0;
    for row in taken.filter(|row| row.access != Access::Anyone) {
        let body = (row.request.sample)();
        let reason = chat.refused(0, row.opcode, SERVER, body.clone()).await;
        assert_eq!(reason, Reason::Unauthenticated, "{}", row.name);
        if row.access == Access::Deployment {
            let reason = chat.refused(DAVE, row.opcode, 0, body.clone()).await;
            assert_eq!(reason, Reason::Forbidden, "{}", row.name);
        } else if row.access != Access::Account {
            // With scope 0 some are about the account, or about the deployment.
            let reason = match row.access {
                Access::MemberOrAccount => None,
                Access::ServerOrDeployment(_) => Some(Reason::Forbidden),
                _ => Some(Reason::Malformed),
            };
            if let Some(due) = reason {
                let reason = chat.refused(DAVE, row.opcode, 0, body.clone()).await;
                assert_eq!(reason, due, "{} names no server", row.name);
            }
            for scope in [SERVER, u64::MAX, 999] {
                let reason = chat.refused(DAVE, row.opcode, scope, body.clone()).await;
                assert_eq!(reason, Reason::UnknownServer, "{} in {scope}", row.name);
            }
        }
        checked += 1;
    }
    assert!(checked > 5, "{checked}");
}

#[tokio::test]
async fn what_is_no_query_is_refused() {
    let chat = Chat::new().await;
    for row in rows() {
        let reason = match row.kind {
            RowKind::Query | RowKind::Forwarded => Reason::Malformed,
            RowKind::Command | RowKind::Register | RowKind::Signal | RowKind::Internal => {
                Reason::UnknownCommand
            }
        };
        // One field too many is as wrong as none at all.
        for body in [vec![0xc0], vec![0x9f; 3], Vec::new()] {
            let refused = chat.refused(ALICE, row.opcode, SERVER, body).await;
            assert_eq!(refused, reason, "{}", row.name);
        }
    }
}

#[tokio::test]
async fn another_scope_does_not_exist() {
    let chat = Chat::new().await;
    chat.messages(OPEN, 1, "mine").await;
    chat.messages(OTHER_CHANNEL, 1, "yours").await;
    let foreign = chat.ask(ALICE, SERVER, page(OTHER_CHANNEL)).await;
    assert_eq!(foreign.unwrap_err().reason, Reason::UnknownChannel);
    let other = chat.ask(ALICE, OTHER_SERVER, page(OTHER_CHANNEL)).await;
    assert_eq!(other.unwrap_err().reason, Reason::UnknownServer);
    let message = |channel: u64, of: u64| GetMessage {
        channel_id: id(channel),
        message_id: id(of * 10_000 + 1),
    };
    let mine = chat.ask(ALICE, SERVER, message(OPEN, OPEN)).await.unwrap();
    assert_eq!(mine.content, "mine");
    let yours = chat.ask(ALICE, SERVER, message(OPEN, OTHER_CHANNEL)).await;
    assert_eq!(yours.unwrap_err().reason, Reason::UnknownMessage);
}

#[tokio::test]
async fn hidden_channels_are_hidden_everywhere() {
    let chat = Chat::new().await;
    chat.messages(SECRET, 2, "psst").await;
    for (account, expected) in [
        (ALICE, vec![SILENT, SECRET, OPEN]),
        (BOB, vec![SILENT, SECRET, OPEN]),
        (CAROL, vec![SILENT, OPEN]),
    ] {
        let channels = chat.ask(account, SERVER, GetChannels {}).await.unwrap();
        let info = chat.ask(account, SERVER, GetServer {}).await.unwrap();
        assert_eq!(info.channels, channels.channels);
        assert_eq!(info.roles.len(), 2);
        let ids: Vec<u64> = channels
            .channels
            .iter()
            .map(|channel| channel.channel_id.get())
            .collect();
        assert_eq!(ids, expected, "by position");
    }
    let carol = chat.ask(CAROL, SERVER, page(SECRET)).await;
    assert_eq!(carol.unwrap_err().reason, Reason::UnknownChannel);
    let bob = chat.ask(BOB, SERVER, page(SECRET)).await.unwrap();
    assert_eq!(bob.messages.len(), 2);
    // Visible, but without history.
    let silent = chat.ask(CAROL, SERVER, page(SILENT)).await;
    assert_eq!(silent.unwrap_err().reason, Reason::Forbidden);
    assert!(chat.ask(ALICE, SERVER, page(SILENT)).await.is_ok());
}

#[tokio::test]
async fn pages_of_history() {
    let chat = Chat::new().await;
    chat.messages(OPEN, 300, "text").await;
    chat.run("UPDATE messages SET deleted = true, content = '' WHERE seq IN (5, 299)")
        .await;
    let ask = async |before, after, limit| {
        let request = GetMessages {
            before,
            after,
            limit,
            ..page(OPEN)
        };
        let page = chat.ask(CAROL, SERVER, request).await;
        page.map(|page| {
            page.messages
                .iter()
                .map(|message| message.seq)
                .collect::<Vec<_>>()
        })
    };
    let last = ask(None, None, None).await.unwrap();
    assert_eq!((last.len(), last[0], last[49]), (50, 250, 300));
    assert!(last.is_sorted() && !last.contains(&299));
    assert_eq!(ask(Some(7), None, Some(3)).await.unwrap(), [3, 4, 6]);
    assert_eq!(ask(None, Some(3), Some(3)).await.unwrap(), [4, 6, 7]);
    assert_eq!(ask(Some(8), Some(3), None).await.unwrap(), [4, 6, 7]);
    assert_eq!(ask(Some(8), Some(3), Some(1)).await.unwrap(), [4]);
    assert_eq!(ask(None, None, Some(200)).await.unwrap().len(), 200);
    assert_eq!(ask(Some(1), None, None).await.unwrap(), [0_u64; 0]);
    assert_eq!(
        ask(Some(u64::MAX), Some(u64::MAX), None).await.unwrap(),
        [0_u64; 0]
    );
    for limit in [0, 201, u32::MAX] {
        let refused = ask(None, None, Some(limit)).await.unwrap_err();
        assert_eq!(refused.reason, Reason::Invalid);
    }
    let gone = GetMessage {
        channel_id: id(OPEN),
        message_id: id(OPEN * 10_000 + 5),
    };
    let gone = chat.ask(CAROL, SERVER, gone).await;
    assert_eq!(gone.unwrap_err().reason, Reason::UnknownMessage);
}

#[tokio::test]
async fn members_come_in_pages() {
    let chat = Chat::new().await;
    chat.run("UPDATE members SET roles = '{110}' WHERE account = 2")
        .await;
    let list = |after: Option<u64>, limit| ListUsers {
        after: after.map(id),
        limit,
    };
    let first = chat.ask(CAROL, SERVER, list(None, Some(2))).await.unwrap();
    let names: Vec<&str> = first
        .members
        .iter()
        .map(|member| member.user.name.as_str())
        .collect();
    assert_eq!(names, ["alice", "bob"]);
    assert_eq!(first.members[1].roles, [id(110)]);
    assert!(first.members[0].user.admin);
    let rest = chat
        .ask(CAROL, SERVER, list(Some(BOB), None))
        .await
        .unwrap();
    assert_eq!(rest.members.len(), 1);
    assert_eq!(rest.members[0].user.user_id, id(CAROL));
}

#[tokio::test]
async fn an_account_sees_its_own() {
    let chat = Chat::new().await;
    let token = chat.session(BOB).await;
    chat.session(ALICE).await;
    let sessions = chat.ask(BOB, 0, ListSessions {}).await.unwrap().sessions;
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].device, "phone");
    let servers = chat.ask(BOB, 0, ListServers {}).await.unwrap().servers;
    assert_eq!(servers.len(), 1);
    assert_eq!(servers[0].owner_id, id(ALICE));
    let identity = chat.ask(0, 0, Authenticate { token }).await.unwrap();
    assert_eq!(identity.user.name, "bob");
    assert_eq!(identity.session_id, sessions[0].session_id);
    for token in ["", "x", "\0"] {
        let token = token.to_owned();
        let refused = chat.ask(0, 0, Authenticate { token }).await.unwrap_err();
        assert_eq!(refused.reason, Reason::Unauthenticated);
    }
    assert_eq!(chat.ask(0, 0, Ping {}).await.unwrap().now, NOW);
}

#[tokio::test]
async fn a_code_shows_what_it_opens() {
    let chat = Chat::new().await;
    chat.run(
        "INSERT INTO invites (code, server, creator, max_uses, uses, expires_at, revoked) VALUES
         ('good', 100, 1, 3, 1, to_timestamp(1772366401), false), ('deploy', NULL, 1, NULL, 0, NULL, false),
         ('used', 100, 1, 3, 3, NULL, false), ('late', 100, 1, NULL, 0, to_timestamp(1772366400), false),
         ('revoked', 100, 1, NULL, 0, NULL, true)",
    )
    .await;
    let ask = async |code: &str| {
        let code = code.to_owned();
        chat.ask(0, 0, PreviewInvite { code }).await
    };
    let good = ask("good").await.unwrap();
    assert_eq!(good.server.unwrap().name, "Book club");
    assert_eq!(good.uses_left, Some(2));
    assert_eq!(good.expires_at, Some(NOW + 1_000));
    let deploy = ask("deploy").await.unwrap();
    assert_eq!((deploy.server, deploy.uses_left), (None, None));
    for code in [
        "used",
        "late",
        "revoked",
        "none",
        "",
        "n\0l",
        &"x".repeat(65),
    ] {
        assert_eq!(
            ask(code).await.unwrap_err().reason,
            Reason::UnknownInvite,
            "{code}"
        );
    }
}
