-- What a push took the place of is told after all where it goes itself before it was sent.

ALTER TABLE pushes
    -- The messages whose pushes it took the place of, the newest first.
    ADD COLUMN replaced bigint[] NOT NULL DEFAULT '{}';
