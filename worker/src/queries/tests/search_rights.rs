//! A search shows what may be read when it is answered, not when it began.

use std::time::Duration;

use shared::{error::Reason, protocol::search::SearchMessages};

use super::{
    super::search::{drop_unreadable, search},
    chat::{BOB, Chat, OPEN, SECRET, SERVER, id},
};
use crate::error::Error;

#[tokio::test]
async fn what_became_unreadable_while_it_looked_is_not_shown() {
    let chat = Chat::new().await;
    for channel in [OPEN, SECRET] {
        chat.messages(channel, 5, "a needle").await;
        chat.run(&format!(
            "UPDATE channels SET last_seq = 5, last_message_id = {channel} * 10000 + 5 WHERE id = {channel}"
        ))
        .await;
    }
    let asker = (id(BOB), 0);
    let budget = Duration::from_secs(1);
    let mut before = chat.deps.store.snapshot().await.unwrap();
    let request = SearchMessages {
        query: "needle".to_owned(),
        filter: None,
        before: None,
        limit: Some(200),
    };
    let found = search(&mut before, asker, request, budget).await;
    let mut messages = found.unwrap().messages;
    assert_eq!(messages.len(), 10);
    chat.run("DELETE FROM overrides WHERE channel = 102 AND kind = 1")
        .await;
    let mut now = chat.deps.store.snapshot().await.unwrap();
    drop_unreadable(&mut now, asker, &mut messages)
        .await
        .unwrap();
    assert_eq!(messages.len(), 5);
    assert!(messages.iter().all(|it| it.channel_id.get() == OPEN));
    // Who left meanwhile is told of nothing.
    chat.run("DELETE FROM members WHERE account = 2").await;
    let mut now = chat.deps.store.snapshot().await.unwrap();
    drop_unreadable(&mut now, asker, &mut messages)
        .await
        .unwrap();
    assert_eq!(messages.len(), 0);
    let gone = drop_unreadable(&mut now, (id(BOB), SERVER), &mut messages).await;
    assert!(
        matches!(gone, Err(Error::Refused(refusal)) if refusal.reason == Reason::UnknownServer)
    );
}
