-- What a push took the place of is told after all where its own message is deleted, read or muted before it is sent.

ALTER TABLE pushes
    -- The messages whose pushes it took the place of, the newest first.
    ADD COLUMN replaced bigint[] NOT NULL DEFAULT '{}';
