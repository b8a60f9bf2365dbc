-- Channels are of several kinds, stand in categories, and may be slow.

ALTER TABLE channels
    -- 0 text, 1 voice, 2 forum, 3 announcement, 4 category, 5 separator.
    ADD COLUMN kind      smallint NOT NULL DEFAULT 0,
    -- The category, of the same server.
    ADD COLUMN parent    bigint,
    -- Seconds that a member waits between two messages.
    ADD COLUMN slow_mode integer NOT NULL DEFAULT 0;
