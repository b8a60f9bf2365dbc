-- Search: what blocks of messages may contain, so that those that cannot are not read.

-- The full blocks of a channel (64 messages each), in their order. Written beside the lanes,
-- so a channel's last blocks may be missing. The signature is a Bloom filter of 15,360 bits
-- (worker/src/signature.rs); four rows fill a page, none is stored elsewhere.
CREATE TABLE search_blocks (
    channel   bigint NOT NULL,
    -- Its last and first message, and the seq of the last.
    last_id   bigint NOT NULL,
    first_id  bigint NOT NULL,
    last_seq  bigint NOT NULL,
    signature bytea NOT NULL,
    PRIMARY KEY (channel, last_id)
);
ALTER TABLE search_blocks ALTER COLUMN signature SET STORAGE PLAIN;

-- Notes of lanes: this message filled a block, was changed or was deleted; 0 is none in
-- particular. Without a key of what it is about, so that no lane ever waits for one.
CREATE TABLE search_pending (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel bigint NOT NULL,
    message bigint NOT NULL
);
-- What was said before.
INSERT INTO search_pending (channel, message) SELECT id, 0 FROM channels WHERE last_seq >= 64;
