//! Users: the members of a server.

use anyhow::Result;
use loadtest::{
    harness::{Harness, refused, same},
    requests::list_users,
};
use shared::{error::Reason, protocol::user::ListUsers};

scenarios! {
    members_are_listed_by_id_in_pages_over_every_door,
    a_page_beyond_the_limit_is_cut_or_refused,
}

async fn members_are_listed_by_id_in_pages_over_every_door(harness: &Harness) -> Result<()> {
    let people: [_; 3] = harness.members().await?;
    let mut expected: Vec<_> = people.iter().map(|person| person.user.clone()).collect();
    expected.sort_by_key(|user| user.user_id);
    for mut way in people[1].ways().await? {
        let mut listed = Vec::new();
        loop {
            let page = ListUsers {
                after: listed
                    .last()
                    .map(|user: &shared::protocol::user::User| user.user_id),
                limit: Some(1),
            };
            let members = way.call(people[1].scope(), &page).await?.members;
            match members.as_slice() {
                [] => break,
                [member] => listed.push(member.user.clone()),
                more => anyhow::bail!("one was asked for, not {more:?}"),
            }
        }
        same(&listed, &expected)?;
    }
    Ok(())
}

async fn a_page_beyond_the_limit_is_cut_or_refused(harness: &Harness) -> Result<()> {
    let [alice, _bob] = harness.members().await?;
    for limit in [0, 201, u32::MAX] {
        let page = ListUsers {
            limit: Some(limit),
            ..list_users()
        };
        match alice.call(&page).await {
            Ok(users) => same(&(users.members.len() <= 200), &true)?,
            other => refused(other, Reason::Invalid)?,
        }
    }
    Ok(())
}
