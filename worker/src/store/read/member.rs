//! Members of servers, as others see them, and who is banned.

use std::collections::BTreeMap;

use shared::{
    domain::silences::Silences,
    ids::{RoleId, ServerId, UserId},
    protocol::{
        member::{Ban, BanTerms, MemberPlace, Mute},
        user::{Member, User},
    },
};

use super::{Membership, Snapshot, user::find_users};
use crate::{
    error::StoreError,
    store::values::{Parameter, columns},
};

/// A member without what belongs to the account.
#[derive(Debug)]
struct MemberRow {
    account: UserId,
    roles: Vec<RoleId>,
    nickname: Option<String>,
    joined_at: Option<u64>,
    timeout_until: Option<u64>,
}

columns! { Mute { channel_id, until } }
columns! { MemberRow { account, roles, nickname, joined_at, timeout_until } }

/// How an account stands in a server, and until when it is silenced there; none when it is no
/// member.
pub(crate) async fn find_asker(
    snapshot: &mut Snapshot,
    server: ServerId,
    account: UserId,
) -> Result<Option<(Membership, Silences)>, StoreError> {
    let sql = "SELECT s.id, s.name, s.owner, s.icon, s.description, s.discoverable,
                   m.account, m.roles, m.since, m.changed,
                   ARRAY(SELECT channel FROM silences
                         WHERE server = $1 AND account = $2 ORDER BY channel),
                   ARRAY(SELECT until FROM silences
                         WHERE server = $1 AND account = $2 ORDER BY channel)
               FROM members m JOIN servers s ON s.id = m.server
               WHERE m.server = $1 AND m.account = $2";
    snapshot.find(sql, &[&server, &account]).await
}

/// The channels of a server in which an account may only look on, by id.
pub(crate) async fn list_mutes(
    snapshot: &mut Snapshot,
    server: ServerId,
    account: UserId,
    now_ms: u64,
) -> Result<Vec<Mute>, StoreError> {
    let sql = "SELECT channel, until FROM silences
               WHERE server = $1 AND account = $2 AND channel > 0 AND until > $3 ORDER BY channel";
    snapshot.list(sql, &[&server, &account, &now_ms]).await
}

/// The bans of a server that have not ended, of accounts with an id above `after`, by id. What an
/// account is called is said only of those who were members: else a ban would show anybody.
pub(crate) async fn list_bans(
    snapshot: &mut Snapshot,
    server: ServerId,
    after: Option<UserId>,
    (limit, now_ms): (u32, u64),
) -> Result<Vec<Ban>, StoreError> {
    let sql = "SELECT account, known, reason, banned_by, banned_at, until FROM bans
               WHERE server = $1 AND account > $2 AND (until IS NULL OR until > $3)
               ORDER BY account LIMIT $4";
    let after = after.map_or(0, UserId::get);
    let rows: Vec<(UserId, bool, BanTerms)> = snapshot
        .list(sql, &[&server, &after, &now_ms, &i64::from(limit)])
        .await?;
    let known = rows.iter().filter(|(_, known, _)| *known);
    let ids: Vec<UserId> = known.map(|(account, ..)| *account).collect();
    let mut users = find_users(snapshot, &ids).await?;
    let ban = |(account, _, terms)| {
        let user = users.remove(&account).unwrap_or_else(|| unknown(account));
        Ban { user, terms }
    };
    Ok(rows.into_iter().map(ban).collect())
}

/// An account of which nothing but its id is said.
const fn unknown(user_id: UserId) -> User {
    User {
        user_id,
        name: String::new(),
        guest: false,
        admin: false,
        avatar: String::new(),
        deleted: false,
    }
}

/// The members of a server with an id above `after`, by id.
pub(crate) async fn list_members(
    snapshot: &mut Snapshot,
    server: ServerId,
    after: Option<UserId>,
    (limit, now_ms): (u32, u64),
) -> Result<Vec<Member>, StoreError> {
    let sql = "SELECT account, roles, nickname, joined_at,
                   (SELECT until FROM silences s WHERE s.server = m.server
                        AND s.account = m.account AND s.channel = 0 AND until > $4)
               FROM members m WHERE server = $1 AND account > $2 ORDER BY account LIMIT $3";
    let after = after.map_or(0, UserId::get);
    let rows = snapshot
        .list(sql, &[&server, &after, &i64::from(limit), &now_ms])
        .await?;
    with_accounts(snapshot, rows).await
}

/// Who holds a role, by name: the next behind a place.
const LIST_HOLDERS: &str = "
    SELECT r.sort_name, m.account, m.roles, m.nickname, m.joined_at,
        (SELECT until FROM silences s WHERE s.server = m.server
             AND s.account = m.account AND s.channel = 0 AND until > $6)
    FROM member_roles r JOIN members m ON m.server = r.server AND m.account = r.account
    WHERE r.server = $1 AND r.role = $2 AND (r.sort_name, r.account) > ($3, $4)
    ORDER BY r.sort_name, r.account LIMIT $5";
/// All members, by name: the same.
const LIST_NAMES: &str = "
    SELECT m.sort_name, m.account, m.roles, m.nickname, m.joined_at,
        (SELECT until FROM silences s WHERE s.server = m.server
             AND s.account = m.account AND s.channel = 0 AND until > $5)
    FROM members m
    WHERE m.server = $1 AND (m.sort_name, m.account) > ($2, $3)
    ORDER BY m.sort_name, m.account LIMIT $4";

/// The next members by name behind a place, those of its role or all, each with the name that he
/// is sorted by; and whether they are the last ones.
pub(crate) async fn list_by_name(
    snapshot: &mut Snapshot,
    server: ServerId,
    place: &MemberPlace,
    (limit, now_ms): (u32, u64),
) -> Result<(Vec<(String, Member)>, bool), StoreError> {
    let (name, limit) = (&place.name, i64::from(limit));
    let account = place.user_id.map_or(0, UserId::get);
    let rows: Vec<(String, MemberRow)> = if let Some(role) = place.role_id {
        let parameters: [&dyn Parameter; 6] = [&server, &role, name, &account, &limit, &now_ms];
        snapshot.list(LIST_HOLDERS, &parameters).await?
    } else {
        let parameters: [&dyn Parameter; 5] = [&server, name, &account, &limit, &now_ms];
        snapshot.list(LIST_NAMES, &parameters).await?
    };
    let is_last = (rows.len() as u64) < limit.cast_unsigned();
    let ids: Vec<UserId> = rows.iter().map(|(_, row)| row.account).collect();
    let mut users = find_users(snapshot, &ids).await?;
    let member = |(name, row): (String, MemberRow)| {
        let user = users.remove(&row.account)?;
        Some((name, row.with(user)))
    };
    Ok((rows.into_iter().filter_map(member).collect(), is_last))
}

/// Who holds a role, by name: names and accounts, from the index alone.
const HOLDER_NAMES: &str = "
    SELECT sort_name, account FROM member_roles
    WHERE server = $1 AND role = $2 AND (sort_name, account) > ($3, $4)
    ORDER BY sort_name, account LIMIT $5";
/// All members, by name: the same.
const MEMBER_NAMES: &str = "
    SELECT sort_name, account FROM members
    WHERE server = $1 AND (sort_name, account) > ($2, $3)
    ORDER BY sort_name, account LIMIT $4";

/// The names and accounts of the next members behind a place, those of its role or all.
pub(crate) async fn list_names(
    snapshot: &mut Snapshot,
    server: ServerId,
    place: &MemberPlace,
    limit: u32,
) -> Result<Vec<(String, UserId)>, StoreError> {
    let (name, limit) = (&place.name, i64::from(limit));
    let account = place.user_id.map_or(0, UserId::get);
    if let Some(role) = place.role_id {
        let parameters: [&dyn Parameter; 5] = [&server, &role, name, &account, &limit];
        snapshot.list(HOLDER_NAMES, &parameters).await
    } else {
        let parameters: [&dyn Parameter; 4] = [&server, name, &account, &limit];
        snapshot.list(MEMBER_NAMES, &parameters).await
    }
}

/// Those of these accounts that are members of a server.
pub(crate) async fn find_members(
    snapshot: &mut Snapshot,
    server: ServerId,
    accounts: &[UserId],
    now_ms: u64,
) -> Result<BTreeMap<UserId, Member>, StoreError> {
    let sql = "SELECT account, roles, nickname, joined_at,
                   (SELECT until FROM silences s WHERE s.server = m.server
                        AND s.account = m.account AND s.channel = 0 AND until > $3)
               FROM members m WHERE server = $1 AND account = ANY($2)";
    let rows = snapshot.list(sql, &[&server, &accounts, &now_ms]).await?;
    let members = with_accounts(snapshot, rows).await?;
    let by_account = |member: Member| (member.user.user_id, member);
    Ok(members.into_iter().map(by_account).collect())
}

/// One member; none when the account is no member.
pub(crate) async fn find_member(
    snapshot: &mut Snapshot,
    server: ServerId,
    account: UserId,
    now_ms: u64,
) -> Result<Option<Member>, StoreError> {
    let sql = "SELECT account, roles, nickname, joined_at,
                   (SELECT until FROM silences s WHERE s.server = m.server
                        AND s.account = m.account AND s.channel = 0 AND until > $3)
               FROM members m WHERE server = $1 AND account = $2";
    let row: Option<MemberRow> = snapshot.find(sql, &[&server, &account, &now_ms]).await?;
    let rows = row.into_iter().collect();
    Ok(with_accounts(snapshot, rows).await?.pop())
}

/// An account as a member of each of these servers that it belongs to.
pub(crate) async fn list_own(
    snapshot: &mut Snapshot,
    user: &User,
    servers: &[ServerId],
    now_ms: u64,
) -> Result<BTreeMap<ServerId, Member>, StoreError> {
    let sql = "SELECT server, account, roles, nickname, joined_at,
                   (SELECT until FROM silences s WHERE s.server = m.server
                        AND s.account = m.account AND s.channel = 0 AND until > $3)
               FROM members m WHERE account = $1 AND server = ANY($2)";
    let rows: Vec<(ServerId, MemberRow)> = snapshot
        .list(sql, &[&user.user_id, &servers, &now_ms])
        .await?;
    let own = rows.into_iter();
    Ok(own
        .map(|(server, row)| (server, row.with(user.clone())))
        .collect())
}

impl MemberRow {
    fn with(self, user: User) -> Member {
        Member {
            user,
            roles: self.roles,
            nickname: self.nickname,
            joined_at: self.joined_at,
            timeout_until: self.timeout_until,
        }
    }
}

/// Accounts have other owners than members, so they are read on their own.
async fn with_accounts(
    snapshot: &mut Snapshot,
    rows: Vec<MemberRow>,
) -> Result<Vec<Member>, StoreError> {
    let ids: Vec<UserId> = rows.iter().map(|row| row.account).collect();
    let mut users = find_users(snapshot, &ids).await?;
    let member = |row: MemberRow| {
        // A deleted account is gone before its servers know.
        let user = users.remove(&row.account)?;
        Some(row.with(user))
    };
    Ok(rows.into_iter().filter_map(member).collect())
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, PgConnection};

    use super::*;
    use crate::store::explain::explain;

    /// How many pages of tables and indexes a statement touches.
    async fn touched(connection: &mut PgConnection, statement: &str) -> u32 {
        let measured = format!("(ANALYZE, BUFFERS, TIMING OFF) {statement}");
        let plan = explain(connection, "SET enable_seqscan = off", &measured).await;
        assert!(!plan.contains("Sort Key"), "{plan}");
        let numbers = plan.lines().filter(|line| line.contains("Buffers: shared"));
        let hits = numbers.flat_map(|line| line.split_whitespace());
        let hits = hits.filter_map(|word| word.split_once('='));
        hits.filter_map(|(_, count)| count.parse::<u32>().ok())
            .sum()
    }

    /// A statement of this file with values in place of its parameters.
    fn with_values(sql: &str, values: &[&str]) -> String {
        let mut text = sql.to_owned();
        for (number, value) in values.iter().enumerate() {
            text = text.replace(&format!("${}", number + 1), value);
        }
        text
    }

    #[tokio::test]
    async fn a_page_of_members_costs_what_it_shows_however_many_there_are() {
        let options = crate::fixture::database().await;
        let mut connection = PgConnection::connect_with(&options).await.unwrap();
        // Server 1 has 100 members and server 2 has 100,000; one of three holds role 7.
        sqlx::raw_sql(
            "INSERT INTO servers (id, name, owner, member_count)
                 VALUES (1, 'small', 1, 100), (2, 'large', 1, 100000);
             INSERT INTO members (server, account, roles, sort_name)
                 SELECT s.id, n, CASE n % 3 WHEN 0 THEN ARRAY[7::int8] ELSE '{}' END, md5(n::text)
                 FROM servers s, generate_series(1, 100000) n WHERE n <= s.member_count;
             INSERT INTO member_roles (server, role, sort_name, account)
                 SELECT server, 7, sort_name, account FROM members WHERE roles <> '{}';
             ANALYZE",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        let place = ["'8'", "0"];
        let mut costs = Vec::new();
        for server in ["1", "2"] {
            let holders = [server, "7", place[0], place[1], "10", "0"];
            let names = [server, place[0], place[1], "10", "0"];
            let only_names = [server, "7", place[0], place[1], "10"];
            let join = format!(
                "INSERT INTO members (server, account, since, joined_at, sort_name)
                 VALUES ({server}, 200000, 1, 1, '8x')"
            );
            let give = format!(
                "INSERT INTO member_roles (server, role, sort_name, account)
                 VALUES ({server}, 7, '8x', 200000)"
            );
            let leave = format!("DELETE FROM members WHERE server = {server} AND account = 200000");
            let statements = [
                with_values(LIST_HOLDERS, &holders),
                with_values(LIST_NAMES, &names),
                with_values(HOLDER_NAMES, &only_names),
                with_values(MEMBER_NAMES, &names[..4]),
                join,
                give,
                leave,
            ];
            let mut cost = Vec::new();
            for statement in &statements {
                cost.push(touched(&mut connection, statement).await);
            }
            costs.push(cost);
        }
        let [small, large] = &costs[..] else {
            panic!("{costs:?}");
        };
        // An index is one level deeper for each factor of some hundred.
        for (small, large) in small.iter().zip(large) {
            assert!(*large <= 3 * small + 10, "{costs:?}");
        }
    }
}
