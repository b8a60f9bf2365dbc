-- The foundation: partitions, event log, accounts, servers, channels, messages.
--
-- Every id names its partition, and a row is written only by the lane that owns
-- the partition of its owner (server or account). No foreign key spans two
-- owners, so that partitions can later live in different databases.

-- ---------------------------------------------------------------- the machine

-- One row per partition: the fence. A lane's transaction ends with an update of
-- its row under its own term, or it does not commit.
CREATE TABLE partitions (
    id          smallint PRIMARY KEY CHECK (id BETWEEN 0 AND 63),
    term        bigint NOT NULL DEFAULT 0,
    -- The stream offset: entries at or below it are never executed again.
    offset_ms   bigint NOT NULL DEFAULT 0,
    offset_seq  bigint NOT NULL DEFAULT 0,
    -- The last id made, and the last position in the event log.
    last_id     bigint NOT NULL DEFAULT 0,
    position    bigint NOT NULL DEFAULT 0,
    -- The entry that was under way when lanes ended, and how many it ended.
    suspect_ms  bigint,
    suspect_seq bigint,
    strikes     smallint NOT NULL DEFAULT 0
);
INSERT INTO partitions (id) SELECT generate_series(0, 63);

-- Facts of the deployment, one row. Written under its row lock by any lane.
CREATE TABLE deployment (
    id            boolean PRIMARY KEY DEFAULT true CHECK (id),
    -- The account that administers it.
    first_account bigint,
    -- Changes when the log is another one than before although the database
    -- says that it is the same: written by `worker new-epoch` after a restore.
    epoch         text NOT NULL DEFAULT ''
);
INSERT INTO deployment DEFAULT VALUES;

-- The head of each topic. A topic's id is its server's or its account's.
CREATE TABLE topics (
    id   bigint PRIMARY KEY,
    head bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);

-- The event log: outbox, resume log and feed of consumers at once. Partitions
-- by day are made ahead and dropped after the retention by the workers.
CREATE TABLE events (
    topic     bigint NOT NULL,
    seq       bigint NOT NULL,
    day       date NOT NULL,
    -- Who wrote it, and its dense place there: what consumers keep.
    partition smallint NOT NULL,
    position  bigint NOT NULL,
    opcode    integer NOT NULL,
    channel   bigint,
    -- What gateways must do, packed; most events have none.
    effect    bytea,
    body      bytea NOT NULL,
    PRIMARY KEY (topic, seq, day)
) PARTITION BY RANGE (day);
CREATE INDEX events_position ON events (partition, position);
-- What may forbid a resume to cross a range: effects, members who join (opcode 5:
-- nobody replays what came before he did) and channels that go (9: today's views
-- would hide it). Few rows, so a long range is decided without reading it.
CREATE INDEX events_crossed ON events (topic, seq) WHERE effect IS NOT NULL OR opcode IN (5, 9);

-- Idempotency: the first result of each nonce.
CREATE TABLE nonces (
    scope     bigint NOT NULL,
    author    bigint NOT NULL,
    -- Compared as bytes, whatever the language of the database.
    nonce     text COLLATE "C" NOT NULL,
    day       date NOT NULL,
    -- SHA-256 of opcode and body: the same nonce with another body is refused.
    body_hash bytea NOT NULL,
    -- The packed reply or refusal.
    result    bytea NOT NULL,
    PRIMARY KEY (scope, author, nonce, day)
) PARTITION BY RANGE (day);

-- What one lane makes another do, or a lane itself at a later time. Deleted in
-- the transaction of its effects.
CREATE TABLE internal_commands (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partition smallint NOT NULL,
    due_at    timestamptz NOT NULL DEFAULT now(),
    opcode    integer NOT NULL,
    scope     bigint NOT NULL,
    author    bigint,
    body      bytea NOT NULL
);
CREATE INDEX internal_commands_due ON internal_commands (partition, due_at);

-- ------------------------------------------------------------------- accounts

CREATE TABLE accounts (
    id            bigint PRIMARY KEY,
    name          text NOT NULL,
    -- NFKC in lower case: names that look the same are the same.
    folded        text NOT NULL UNIQUE,
    password_hash text,
    guest         boolean NOT NULL DEFAULT false,
    admin         boolean NOT NULL DEFAULT false,
    -- The nonce of the sign-up, so that a repeat finds its account.
    nonce         text NOT NULL
);
CREATE INDEX accounts_nonce ON accounts (nonce);

CREATE TABLE sessions (
    id         bigint PRIMARY KEY,
    account    bigint NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- SHA-256 of the token; the token itself is stored nowhere.
    token_hash bytea NOT NULL UNIQUE,
    device     text NOT NULL,
    -- The nonce of the sign-in: a repeat gets this session with a new token.
    nonce      text NOT NULL,
    UNIQUE (account, nonce)
);

-- -------------------------------------------------------------------- servers

CREATE TABLE servers (
    id    bigint PRIMARY KEY,
    name  text NOT NULL,
    owner bigint NOT NULL
);

-- The role of everyone has the id of its server.
CREATE TABLE roles (
    server      bigint NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    id          bigint NOT NULL,
    name        text NOT NULL,
    permissions bigint NOT NULL,
    PRIMARY KEY (server, id)
);

CREATE TABLE members (
    server  bigint NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    account bigint NOT NULL,
    -- Sorted, without the role of everyone.
    roles   bigint[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (server, account)
);
CREATE INDEX members_account ON members (account);

-- Codes. Without a server they open the deployment.
CREATE TABLE invites (
    code       text PRIMARY KEY,
    server     bigint,
    creator    bigint NOT NULL,
    max_uses   integer,
    uses       integer NOT NULL DEFAULT 0,
    expires_at timestamptz,
    revoked    boolean NOT NULL DEFAULT false
);

CREATE TABLE invite_uses (
    code    text NOT NULL REFERENCES invites (code) ON DELETE CASCADE,
    account bigint NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (code, account)
);

-- ------------------------------------------------------ channels and messages

CREATE TABLE channels (
    id              bigint PRIMARY KEY,
    server          bigint NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    name            text NOT NULL,
    topic           text NOT NULL DEFAULT '',
    position        integer NOT NULL,
    last_seq        bigint NOT NULL DEFAULT 0,
    last_message_id bigint
) WITH (fillfactor = 70);
CREATE INDEX channels_server ON channels (server);

-- kind: 0 role, 1 member.
CREATE TABLE overrides (
    channel bigint NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    kind    smallint NOT NULL,
    target  bigint NOT NULL,
    allow   bigint NOT NULL,
    deny    bigint NOT NULL,
    PRIMARY KEY (channel, kind, target)
);

-- Messages are read by (channel, seq) and loaded by (channel, id): another
-- channel's id does not exist. Deleted ones keep their row until retention, so
-- that a repeated nonce and an edit history stay explicable, but not their text.
CREATE TABLE messages (
    channel   bigint NOT NULL,
    seq       bigint NOT NULL,
    id        bigint NOT NULL,
    author    bigint NOT NULL,
    content   text NOT NULL,
    reply_to  bigint,
    -- Milliseconds since 1970.
    edited_at bigint,
    deleted   boolean NOT NULL DEFAULT false,
    PRIMARY KEY (channel, seq)
);
CREATE UNIQUE INDEX messages_id ON messages (channel, id);

-- What a message said before each edit.
CREATE TABLE message_edits (
    channel   bigint NOT NULL,
    id        bigint NOT NULL,
    -- When this text was replaced, in milliseconds since 1970.
    edited_at bigint NOT NULL,
    content   text NOT NULL
);
CREATE INDEX message_edits_message ON message_edits (channel, id);
