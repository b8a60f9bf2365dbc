-- Pins and reactions of messages.

CREATE TABLE pins (
    channel   bigint NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    message   bigint NOT NULL,
    pinned_by bigint NOT NULL,
    -- Milliseconds since 1970.
    pinned_at bigint NOT NULL,
    -- The seq, in the topic of the server, of the event that told it: it orders the pins.
    place     bigint NOT NULL,
    PRIMARY KEY (channel, message)
);

-- Who reacted how. Of a deleted message they go later, in slices, as there may be many.
CREATE TABLE reactions (
    channel bigint NOT NULL,
    message bigint NOT NULL,
    emoji   text NOT NULL,
    account bigint NOT NULL,
    PRIMARY KEY (channel, message, emoji, account)
);

-- How many, for who reads a page: nobody counts rows. They go with the message.
CREATE TABLE reaction_counts (
    channel bigint NOT NULL,
    message bigint NOT NULL,
    emoji   text NOT NULL,
    count   integer NOT NULL,
    -- The seq, in the topic of the server, of the event that told the first one: it orders them.
    place   bigint NOT NULL,
    PRIMARY KEY (channel, message, emoji)
) WITH (fillfactor = 70);

-- What answers a message; few messages answer one.
CREATE INDEX messages_replies ON messages (channel, reply_to, seq) WHERE reply_to IS NOT NULL;

-- What consumers read: deleted messages, one by one (opcode 18) or several (23).
DROP INDEX events_consumed;
CREATE INDEX events_consumed ON events (partition, position) WHERE opcode IN (18, 23);
