//! Which codes open accounts: one rule, for who looks at a code and for who redeems it.

/// Says of a row of `invites` whether it opens accounts: who made it administers the deployment, and
/// where it is the code of a server, made it for a server of his own, which still is.
macro_rules! opens_account {
    () => {
        "(EXISTS (SELECT FROM accounts a
                  WHERE a.id = creator AND a.admin AND NOT a.deleted AND NOT a.disabled)
          AND (server IS NULL OR opens_account AND EXISTS (
                   SELECT FROM servers s WHERE s.id = server AND s.owner = creator)))"
    };
}

pub(super) use opens_account;
