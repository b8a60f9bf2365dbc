//! Cursors come in pages, and only of what is seen.

use shared::{
    error::Reason,
    protocol::unread::{GetUnreads, Unread},
};

use super::chat::{BOB, CAROL, Chat, DAVE, OPEN, SECRET, id};

fn all() -> GetUnreads {
    GetUnreads {
        newer_than: None,
        after: None,
        limit: None,
    }
}

/// Every page of `limit` cursors, and how many pages there were.
async fn read_all(chat: &Chat, account: u64, limit: u32) -> (Vec<Unread>, usize) {
    let (mut unreads, mut pages) = (Vec::new(), 0);
    let mut request = GetUnreads {
        limit: Some(limit),
        ..all()
    };
    loop {
        let page = chat.ask(account, 0, request.clone()).await.unwrap();
        assert!(page.unreads.len() <= limit as usize);
        unreads.extend(page.unreads);
        pages += 1;
        request.after = page.next;
        if page.next.is_none() {
            return (unreads, pages);
        }
    }
}

#[tokio::test]
async fn cursors_come_in_pages_without_what_is_hidden_or_gone() {
    let chat = Chat::new().await;
    // 300 channels that all see, cursors in them, in one that is hidden from Carol, and in 250
    // that do not exist any more.
    chat.run(
        "INSERT INTO channels (id, server, name, position, last_seq)
             SELECT 1000 + n, 100, 'c', 0, 9 FROM generate_series(1, 300) n;
         INSERT INTO registers SELECT a, 1, 1000 + n, 4, n FROM generate_series(1, 300) n, unnest('{2,3,4}'::int[]) a;
         INSERT INTO registers SELECT a, 1, 102, 0, 301 FROM unnest('{2,3,4}'::int[]) a;
         INSERT INTO registers SELECT a, 1, 5000 + n, 0, 301 + n FROM generate_series(1, 250) n, unnest('{2,3,4}'::int[]) a;
         INSERT INTO register_heads SELECT a, 551, 551 FROM unnest('{2,3,4}'::int[]) a",
    )
    .await;
    for (account, expected) in [(BOB, 301), (CAROL, 300), (DAVE, 0)] {
        for (limit, pages) in [(200, 3), (50, 12), (1, 552)] {
            let (unreads, read) = read_all(&chat, account, limit).await;
            assert_eq!(
                (unreads.len(), read),
                (expected, pages),
                "{account}, {limit}"
            );
            assert!(unreads.is_sorted_by_key(|unread| unread.cursor.channel_id));
            let shown = |channel| unreads.iter().any(|it| it.cursor.channel_id == id(channel));
            assert_eq!(shown(SECRET), account == BOB);
            assert!(
                unreads
                    .iter()
                    .all(|it| it.cursor.channel_id == id(SECRET) || it.unread == 5)
            );
        }
    }
    let newer = GetUnreads {
        newer_than: Some(290),
        ..all()
    };
    let page = chat.ask(CAROL, 0, newer).await.unwrap();
    assert_eq!((page.unreads.len(), page.version), (10, 551));
    for limit in [0, 201] {
        let limit = Some(limit);
        let refused = chat.ask(CAROL, 0, GetUnreads { limit, ..all() }).await;
        assert_eq!(refused.unwrap_err().reason, Reason::Invalid);
    }
    // Behind the last one there is nothing, and a place that nobody told is one as any.
    let after = Some(id(OPEN + 1_000_000));
    let page = chat.ask(CAROL, 0, GetUnreads { after, ..all() }).await;
    assert_eq!(page.unwrap().unreads, []);
}
