-- Roles have a rank and a look, and what is done with rank is recorded.

ALTER TABLE roles
    ADD COLUMN position        integer NOT NULL DEFAULT 0,
    ADD COLUMN colour          integer,
    ADD COLUMN hoist           boolean NOT NULL DEFAULT false,
    ADD COLUMN mentionable     boolean NOT NULL DEFAULT false,
    ADD COLUMN self_assignable boolean NOT NULL DEFAULT false,
    ADD COLUMN category        text;

-- What everyone may do in servers from before there were these permissions:
-- CHANGE_NICKNAME (2^11) and ADD_REACTIONS (2^15).
UPDATE roles SET permissions = permissions | 2048 | 32768 WHERE id = server;

-- Who did what to whom, and why: written with what was done, in one transaction.
CREATE TABLE audit_entries (
    server bigint NOT NULL,
    -- An id of the server's partition: it tells when.
    id     bigint NOT NULL,
    action smallint NOT NULL,
    -- None where the server itself acted, by a rule.
    actor  bigint,
    -- The member, role, channel, message, invite or report that it was done to.
    target bigint,
    reason text NOT NULL DEFAULT '',
    -- JSON.
    before text,
    after  text,
    PRIMARY KEY (server, id)
);
