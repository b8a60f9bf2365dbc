-- The audit log is read by who did it, whom it was done to and what it was, newest first.
CREATE INDEX audit_entries_actor ON audit_entries (server, actor, id);
CREATE INDEX audit_entries_target ON audit_entries (server, target, id);
CREATE INDEX audit_entries_action ON audit_entries (server, action, id);
-- What is past its retention, whose category the action decides.
CREATE INDEX audit_entries_purge ON audit_entries (action, id);
-- Messages that members report to those who moderate, each with a copy of what it said. They may
-- be many, so they do not go with the row of their server but in slices after it.
CREATE TABLE reports (
    server      bigint NOT NULL,
    id          bigint NOT NULL,
    -- None where a rule of the server found it.
    reporter    bigint,
    channel     bigint NOT NULL,
    message     bigint NOT NULL,
    author      bigint NOT NULL,
    category    smallint NOT NULL,
    text        text NOT NULL,
    -- What the message said; nothing once its author's account is gone.
    content     text NOT NULL,
    -- What became of it; none while it is open. The time is in milliseconds since 1970.
    resolution  smallint,
    resolver    bigint,
    resolved_at bigint,
    note        text NOT NULL DEFAULT '',
    PRIMARY KEY (server, id)
);
CREATE INDEX reports_open ON reports (server, id) WHERE resolution IS NULL;
CREATE INDEX reports_resolved ON reports (server, id) WHERE resolution IS NOT NULL;
-- What one reporter has open, and whether a message is among it.
CREATE INDEX reports_of ON reports (server, reporter, message) WHERE resolution IS NULL;
CREATE INDEX reports_purge ON reports (resolved_at) WHERE resolution IS NOT NULL;
-- What is to go with an account.
CREATE INDEX reports_author ON reports (author);
CREATE INDEX reports_reporter ON reports (reporter) WHERE text <> '';
CREATE INDEX reports_resolver ON reports (resolver) WHERE note <> '';
CREATE INDEX audit_entries_reason ON audit_entries (actor) WHERE reason <> '';
CREATE INDEX audit_entries_states ON audit_entries (target) WHERE before IS NOT NULL OR after IS NOT NULL;
-- Rules of moderation, packed as they travel: lanes keep them compiled.
CREATE TABLE automod_rules (
    server   bigint NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    id       bigint NOT NULL,
    settings bytea NOT NULL,
    PRIMARY KEY (server, id)
);

-- Servers that are locked down, or were: what ran out stays until the next one.
CREATE TABLE lockdowns (
    server     bigint PRIMARY KEY REFERENCES servers (id) ON DELETE CASCADE,
    no_joining boolean NOT NULL,
    -- The role that may still send; none where everyone may.
    speakers   bigint,
    -- Milliseconds since 1970; none where somebody has to end it.
    until      bigint
);
