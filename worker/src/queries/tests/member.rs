//! The member list, page by page.

use shared::{
    error::Reason,
    protocol::member::{ListMembers, MemberPlace},
};

use super::chat::{ALICE, BOB, CAROL, Chat, DAVE, SERVER, id};

fn page(place: Option<MemberPlace>, limit: u32) -> ListMembers {
    ListMembers {
        place,
        limit: Some(limit),
    }
}

/// Bob and Carol are guides (110), Carol is a chief (120) as well; both roles are hoisted.
async fn hoisted() -> Chat {
    let chat = Chat::new().await;
    chat.run(
        "UPDATE members SET sort_name = (SELECT folded FROM accounts WHERE id = account);
         UPDATE roles SET hoist = true, position = 1 WHERE id = 110;
         INSERT INTO roles (server, id, name, permissions, position, hoist)
             VALUES (100, 120, 'chief', 0, 2, true), (100, 130, 'nobody', 0, 3, true);
         UPDATE members SET roles = '{110}' WHERE account = 2;
         UPDATE members SET roles = '{110, 120}' WHERE account = 3;
         INSERT INTO member_roles (server, role, sort_name, account)
             VALUES (100, 110, 'bob', 2), (100, 110, 'carol', 3), (100, 120, 'carol', 3)",
    )
    .await;
    chat
}

#[tokio::test]
async fn who_holds_a_hoisted_role_stands_under_the_highest_one() {
    let chat = hoisted().await;
    for limit in [1, 2, 3, 200] {
        let (mut listed, mut place) = (Vec::new(), None);
        loop {
            let shown = chat.ask(ALICE, SERVER, page(place, limit)).await.unwrap();
            assert!(shown.members.len() <= limit as usize);
            let members = shown.members.into_iter();
            listed.extend(members.map(|member| member.user.user_id.get()));
            place = shown.next;
            if place.is_none() {
                break;
            }
        }
        assert_eq!(listed, [CAROL, BOB, ALICE]);
    }
}

#[tokio::test]
async fn a_place_under_a_role_that_is_hoisted_no_more_has_moved() {
    let chat = hoisted().await;
    let first = chat.ask(ALICE, SERVER, page(None, 1)).await.unwrap();
    chat.run("UPDATE roles SET hoist = false WHERE id = 120")
        .await;
    let moved = chat.ask(ALICE, SERVER, page(first.next, 1)).await;
    assert_eq!(moved.err().unwrap().reason, Reason::Moved);
    let broken = MemberPlace {
        role_id: None,
        name: "x".repeat(2_049),
        user_id: Some(id(1)),
    };
    let broken = chat.ask(ALICE, SERVER, page(Some(broken), 1)).await;
    assert_eq!(broken.err().unwrap().reason, Reason::Invalid);
}

#[tokio::test]
async fn a_page_looks_at_a_bounded_number_of_members() {
    let chat = hoisted().await;
    // 3,000 guides who all are chiefs: under the guides, nobody of them stands.
    chat.run(
        "INSERT INTO accounts (id, name, folded, nonce)
             SELECT n, 'n' || n, 'n' || n, 'n' FROM generate_series(1000, 3999) n;
         INSERT INTO members (server, account, roles, sort_name)
             SELECT 100, n, '{110, 120}', 'n' || n FROM generate_series(1000, 3999) n;
         INSERT INTO member_roles (server, role, sort_name, account)
             SELECT 100, role, 'n' || n, n
             FROM generate_series(1000, 3999) n, unnest('{110, 120}'::int8[]) role",
    )
    .await;
    let guides = MemberPlace {
        role_id: Some(id(110)),
        name: "bob".to_owned(),
        user_id: Some(id(BOB)),
    };
    let (mut pages, mut listed, mut place) = (0, Vec::new(), Some(guides));
    while let Some(behind) = place {
        let shown = chat
            .ask(CAROL, SERVER, page(Some(behind), 200))
            .await
            .unwrap();
        listed.extend(shown.members.into_iter().map(|m| m.user.user_id.get()));
        place = shown.next;
        pages += 1;
    }
    assert_eq!(listed, [ALICE]);
    assert!(pages > 3, "{pages}");
    let stranger = chat.ask(DAVE, SERVER, page(None, 1)).await;
    assert_eq!(stranger.err().unwrap().reason, Reason::UnknownServer);
}
