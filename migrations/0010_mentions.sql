-- Whom messages mention.

-- The accounts and roles, for who reads the message; none of most messages. The role of
-- everyone has the server's id.
ALTER TABLE messages ADD COLUMN mentions bigint[];

-- The same, for who is mentioned: one row for each account or role, not for each member who
-- holds the role. They go with the message.
CREATE TABLE mentions (
    target  bigint NOT NULL,
    channel bigint NOT NULL,
    seq     bigint NOT NULL,
    message bigint NOT NULL,
    server  bigint NOT NULL,
    PRIMARY KEY (target, message)
);
CREATE INDEX mentions_place ON mentions (target, channel, seq);
