-- Registers: what an account keeps under a key, one value each, written by the
-- lane of the account. State and not log: a client fetches what is newer than
-- the version that it has.

CREATE TABLE registers (
    account bigint NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- What it is about. 1: up to which seq a channel is read; its key is the channel.
    kind    smallint NOT NULL,
    key     bigint NOT NULL,
    value   bigint NOT NULL,
    -- The account's register version that the last change made. Not indexed, so
    -- that a change touches no index: an account has a bounded number of rows.
    version bigint NOT NULL,
    PRIMARY KEY (account, kind, key)
) WITH (fillfactor = 70);

-- What each account has of them: the version of the last change, and how many.
CREATE TABLE register_heads (
    account bigint PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    version bigint NOT NULL,
    count   integer NOT NULL
) WITH (fillfactor = 70);
