-- What banned accounts said, while it is being deleted. There may be many of one server, so they do
-- not go with its row but in slices after it.
CREATE TABLE deletions (
    server   bigint NOT NULL,
    author   bigint NOT NULL,
    -- Messages with ids above the one, and up to the other.
    began    bigint NOT NULL,
    until    bigint NOT NULL,
    -- Whether the round under way began with it: then it is done at its end.
    in_round boolean NOT NULL DEFAULT false,
    PRIMARY KEY (server, author)
);
