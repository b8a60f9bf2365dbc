-- Accounts are banned from servers, and silenced there for some time. Both outlive a membership,
-- and end by themselves: whoever decides compares the time.

CREATE TABLE bans (
    server    bigint NOT NULL,
    account   bigint NOT NULL,
    reason    text NOT NULL DEFAULT '',
    banned_by bigint,
    -- Milliseconds since 1970; without `until` it lasts.
    banned_at bigint NOT NULL,
    until     bigint,
    PRIMARY KEY (server, account)
);
CREATE INDEX bans_until ON bans (server, until) WHERE until IS NOT NULL;

CREATE TABLE silences (
    server  bigint NOT NULL,
    account bigint NOT NULL,
    -- 0 is everywhere.
    channel bigint NOT NULL,
    -- Milliseconds since 1970.
    until   bigint NOT NULL,
    PRIMARY KEY (server, account, channel)
);
CREATE INDEX silences_until ON silences (server, until);
