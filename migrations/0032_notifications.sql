-- Notifications: what accounts want to be told of, and of which messages they are told.

-- How an account is told, written by its lane.
CREATE TABLE notification_settings (
    account    bigint PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    -- The minutes of the day between which nothing is told, and where the clock stands that counts.
    quiet_from integer,
    quiet_to   integer,
    zone       text,
    keywords   text[] NOT NULL,
    private    boolean NOT NULL,
    -- Rises with each change.
    version    bigint NOT NULL
);

-- Who is found by what others say and do, without a look at each member; written by the lane of the account. The
-- first word of each keyword, folded; and the servers, categories and channels of which an account wants to be told
-- all, 0 for all servers.
CREATE TABLE keywords (
    word    text NOT NULL,
    account bigint NOT NULL,
    PRIMARY KEY (word, account)
);
CREATE INDEX keywords_account ON keywords (account);
CREATE TABLE watchers (
    scope   bigint NOT NULL,
    account bigint NOT NULL,
    PRIMARY KEY (scope, account)
);
CREATE INDEX watchers_account ON watchers (account);

-- Who is told of a message: one row for each account that has a device, with one reason. Written by no lane.
CREATE TABLE notifications (
    account bigint NOT NULL,
    message bigint NOT NULL,
    server  bigint NOT NULL,
    channel bigint NOT NULL,
    seq     bigint NOT NULL,
    reason  smallint NOT NULL,
    -- 0 waits, 1 told, 2 read before, 3 withdrawn, 4 no device, 5 failed.
    state   smallint NOT NULL DEFAULT 0,
    -- When it is told, unless it was read by then; and how often that was tried in vain.
    due     timestamptz NOT NULL,
    attempts smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (account, message)
);
CREATE INDEX notifications_due ON notifications (due) WHERE state = 0;
-- Ids rise with time: this is how old ones are found.
CREATE INDEX notifications_message ON notifications (message);

-- What is planned from: new messages (opcode 16). Lanes wait while it is made over the log that there is.
CREATE INDEX events_messages ON events (partition, position) WHERE opcode = 16;
-- Nobody is told of what was said before.
INSERT INTO consumers (name, partition, position)
    SELECT 'notification', id, position FROM partitions;
