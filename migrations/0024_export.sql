-- What somebody takes with him: everything personal of an account as lines of JSON, written by a
-- job. It goes when it is too old, or with the account.

CREATE TABLE exports (
    account     bigint PRIMARY KEY,
    -- Names this export: the job of an earlier one writes nothing.
    id          bigint NOT NULL,
    -- Milliseconds since 1970.
    started_at  bigint NOT NULL,
    finished_at bigint,
    -- How many parts there are, and bytes in them.
    parts       integer NOT NULL DEFAULT 0,
    bytes       bigint NOT NULL DEFAULT 0,
    -- It ended because of its size: something is missing.
    cut         boolean NOT NULL DEFAULT false
);
CREATE INDEX exports_started ON exports (started_at);
CREATE INDEX exports_running ON exports (started_at) WHERE finished_at IS NULL;

CREATE TABLE export_parts (
    account bigint NOT NULL,
    number  integer NOT NULL,
    lines   text NOT NULL,
    PRIMARY KEY (account, number)
);

-- Who was a member once, and may be one again: an export looks there for what he said. Who left
-- before there was this table is not in it.
CREATE TABLE former_members (
    server  bigint NOT NULL,
    account bigint NOT NULL,
    PRIMARY KEY (server, account)
);
CREATE INDEX former_members_account ON former_members (account, server);

-- Which reports somebody made.
CREATE INDEX reports_made ON reports (reporter, id);
