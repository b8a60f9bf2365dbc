-- Lanes: who held a partition, commands between owners, work beside the lanes.

-- The process whose lane has the partition; 0 when a lane gave it back in order.
-- `suspect_*` is now the last entry of the batch that was noted before it was
-- executed, and `strikes` how many lanes had ended on it before.
ALTER TABLE partitions ADD COLUMN holder bigint NOT NULL DEFAULT 0;

-- Internal commands: what one owner makes another do. Stored by the lane of the
-- source in the transaction of the cause. `number` is an id of the source, so it
-- rises; the target's lane executes the commands of one source in its order.
CREATE TABLE internal_outbox (
    target  smallint NOT NULL,
    source  smallint NOT NULL,
    number  bigint NOT NULL,
    opcode  integer NOT NULL,
    scope   bigint NOT NULL,
    author  bigint,
    body    bytea NOT NULL,
    left_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (target, source, number)
);

-- How far a target is with a source: everything up to `applied` has taken effect,
-- once. The rest is about the next command: how often it failed, when it is tried
-- again, and whether it waits for a person (then all behind it wait, too).
CREATE TABLE internal_inbox (
    target     smallint NOT NULL,
    source     smallint NOT NULL,
    applied    bigint NOT NULL DEFAULT 0,
    attempts   smallint NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT '-infinity',
    parked     boolean NOT NULL DEFAULT false,
    problem    text,
    PRIMARY KEY (target, source)
);

-- Work that no lane waits for: what is large (done in slices) and what leaves the
-- cluster. Any worker claims a row with SKIP LOCKED and has it until `lease`.
CREATE TABLE jobs (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL,
    body       bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    due        timestamptz NOT NULL DEFAULT now(),
    -- Failures since the last slice that was done.
    attempts   smallint NOT NULL DEFAULT 0,
    lease      timestamptz NOT NULL DEFAULT '-infinity',
    -- Rises with each claim: who lost his lease writes nothing.
    claim      bigint NOT NULL DEFAULT 0,
    -- Failed too often: waits for a person.
    parked     boolean NOT NULL DEFAULT false,
    problem    text
);
CREATE INDEX jobs_due ON jobs (due) WHERE NOT parked;

-- Who reads the event log, and how far: one owner per pair, by an advisory lock
-- and the term.
CREATE TABLE consumers (
    name      text NOT NULL,
    partition smallint NOT NULL,
    position  bigint NOT NULL DEFAULT 0,
    term      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (name, partition)
);

-- The seq, in the topic of the server, of the event that told this text: so that it
-- can be taken out of the log when the message is deleted. None in old rows.
ALTER TABLE messages ADD COLUMN event bigint;
ALTER TABLE message_edits ADD COLUMN event bigint;
