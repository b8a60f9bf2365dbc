//! Counts again what must agree: cursors and registers with the messages that there are.

use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions};

use super::{statement, values::columns};
use crate::error::StoreError;

/// A recount reads whole tables, once each and in no hurry: an operator waits for it.
const SETTINGS: [(&str, &str); 2] = [("statement_timeout", "1h"), ("jit", "off")];

/// What differs, each with a statement that answers how often, and names an example.
///
/// How much is unread is the last seq of a channel minus a cursor. That is what a count of the
/// messages behind the cursor would say if, and only if, a channel numbers its messages
/// densely; so each channel is counted once, and no cursor needs a count of its own. Deleted
/// messages keep their row. Versions are those of changes: no two registers of an account have
/// the same one, and the last change made its head's. Mentions are counted by their rows, which
/// must be those that the messages name; a deleted account has none.
const FAULTS: [(&str, &str); 8] = [
    (
        "channels whose messages are not numbered densely up to the last one",
        "SELECT count(*), min(c.id) FROM channels c
         LEFT JOIN (SELECT channel, count(*) AS count, min(seq) AS first, max(seq) AS last
                    FROM messages GROUP BY channel) m ON m.channel = c.id
         WHERE (coalesce(m.count, 0), coalesce(m.last, 0)) <> (c.last_seq, c.last_seq)
            OR m.first <> 1",
    ),
    (
        "accounts whose count of registers is another one",
        "SELECT count(*), min(h.account) FROM register_heads h
         LEFT JOIN (SELECT account, count(*) AS count FROM registers GROUP BY account) r
             ON r.account = h.account
         WHERE coalesce(r.count, 0) <> h.count",
    ),
    (
        "accounts whose last change is not that of their register version",
        "SELECT count(*), min(h.account) FROM register_heads h
         LEFT JOIN (SELECT account, max(version) AS version FROM registers GROUP BY account) r
             ON r.account = h.account
         WHERE coalesce(r.version, 0) <> h.version",
    ),
    (
        "accounts with registers and no register version",
        "SELECT count(DISTINCT account), min(account) FROM registers r
         WHERE NOT EXISTS (SELECT FROM register_heads h WHERE h.account = r.account)",
    ),
    (
        "accounts with two registers of one version",
        "SELECT count(DISTINCT account), min(account) FROM (
             SELECT account FROM registers GROUP BY account, version HAVING count(*) > 1) twice",
    ),
    (
        "registers with a negative value or no version",
        "SELECT count(*), min(account) FROM registers WHERE value < 0 OR version < 1",
    ),
    (
        "mentions of which no message says so, at this place",
        "SELECT count(*), min(message) FROM mentions m
         WHERE NOT EXISTS (SELECT FROM messages s WHERE s.channel = m.channel AND s.id = m.message
                               AND s.seq = m.seq AND NOT s.deleted AND m.target = ANY(s.mentions))",
    ),
    (
        "messages that say whom they mention without a row of it",
        "SELECT count(*), min(s.id) FROM messages s CROSS JOIN LATERAL unnest(s.mentions) AS t (id)
         WHERE s.mentions IS NOT NULL
             AND NOT EXISTS (SELECT FROM mentions m WHERE m.target = t.id AND m.message = s.id)
             AND NOT EXISTS (SELECT FROM accounts a WHERE a.id = t.id AND a.deleted)",
    ),
];

/// What a recount found.
#[derive(Debug)]
pub(crate) struct UnreadReport {
    /// How many channels were counted.
    pub(crate) channels: i64,
    /// How many accounts have registers.
    pub(crate) accounts: i64,
    /// How many registers there are.
    pub(crate) registers: i64,
    /// What differs.
    pub(crate) faults: Vec<Fault>,
    /// How many cursors stand behind the last message of their channel.
    pub(crate) ahead: i64,
}

/// One kind of difference.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) what: &'static str,
    pub(crate) count: i64,
    /// The lowest id that has it: a channel, an account or a message.
    pub(crate) example: i64,
}

struct Counts {
    channels: i64,
    accounts: i64,
    registers: i64,
    ahead: i64,
}

columns! { Counts { channels, accounts, registers, ahead } }

/// Counts again, all of it in one snapshot, so that workers may go on writing.
pub(crate) async fn verify_unread(options: &PgConnectOptions) -> Result<UnreadReport, StoreError> {
    let options = options.clone().options(SETTINGS);
    let mut connection = options.application_name("confab-admin").connect().await?;
    let mut snapshot = connection
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let mut faults = Vec::new();
    for (what, sql) in FAULTS {
        let (count, example): (i64, Option<i64>) = statement::get(&mut *snapshot, sql, &[]).await?;
        if let Some(example) = example {
            faults.push(Fault {
                what,
                count,
                example,
            });
        }
    }
    // 1 is the kind of read cursors.
    let sql = "SELECT (SELECT count(*) FROM channels), (SELECT count(*) FROM register_heads),
                      (SELECT count(*) FROM registers),
                      (SELECT count(*) FROM registers r JOIN channels c ON c.id = r.key
                       WHERE r.kind = 1 AND r.value > c.last_seq)";
    let counts: Counts = statement::get(&mut *snapshot, sql, &[]).await?;
    snapshot.rollback().await?;
    connection.close().await?;
    Ok(UnreadReport {
        channels: counts.channels,
        accounts: counts.accounts,
        registers: counts.registers,
        faults,
        ahead: counts.ahead,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixture, support::postgres};

    #[tokio::test]
    async fn a_recount_agrees_until_something_is_changed_behind_its_back() {
        let (options, pool) = fixture::database_and_pool().await;
        let run = async |sql: &str| postgres::execute(&pool, sql).await;
        run("INSERT INTO accounts (id, name, folded, nonce) VALUES (1, 'a', 'a', 'n'), (2, 'b', 'b', 'n');
             INSERT INTO servers (id, name, owner) VALUES (100, 'x', 1);
             INSERT INTO channels (id, server, name, position, last_seq) VALUES
                 (101, 100, 'x', 0, 3), (102, 100, 'y', 1, 0);
             INSERT INTO messages (channel, seq, id, author, content, deleted)
                 SELECT 101, n, n, 1, '', n = 2 FROM generate_series(1, 3) n;
             UPDATE messages SET mentions = '{1,100}' WHERE seq = 3;
             INSERT INTO mentions VALUES (1, 101, 3, 3, 100), (100, 101, 3, 3, 100);
             INSERT INTO registers VALUES (1, 1, 101, 3, 2), (1, 1, 102, 7, 4), (2, 1, 101, 0, 1);
             INSERT INTO register_heads VALUES (1, 4, 2), (2, 1, 1)")
            .await;
        let found = verify_unread(&options).await.unwrap();
        let counts = (found.channels, found.accounts, found.registers, found.ahead);
        assert_eq!(counts, (2, 2, 3, 1));
        assert!(found.faults.is_empty(), "{:?}", found.faults);
        let breaks = [
            ("DELETE FROM messages WHERE seq = 2", 101),
            ("UPDATE channels SET last_seq = 1 WHERE id = 102", 101),
            ("UPDATE register_heads SET count = 9 WHERE account = 2", 2),
            ("UPDATE register_heads SET version = 9 WHERE account = 1", 1),
            ("UPDATE registers SET version = 4 WHERE account = 1", 1),
            ("UPDATE registers SET value = -1 WHERE account = 2", 2),
            ("DELETE FROM register_heads WHERE account = 1", 1),
            ("UPDATE mentions SET seq = 2 WHERE target = 1", 3),
            ("DELETE FROM mentions WHERE target = 100", 3),
        ];
        let mut kinds = std::collections::BTreeSet::new();
        for (sql, example) in breaks {
            run(sql).await;
            let faults = verify_unread(&options).await.unwrap().faults;
            assert!(faults.iter().any(|fault| fault.example == example), "{sql}");
            assert!(faults.iter().all(|fault| fault.count > 0), "{sql}");
            kinds.extend(faults.into_iter().map(|fault| fault.what));
        }
        assert_eq!(kinds.len(), FAULTS.len());
    }
}
