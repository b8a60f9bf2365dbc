-- Names that somebody gave up: for some days nobody else gets them.
CREATE TABLE held_names (
    folded  text PRIMARY KEY,
    -- Who may have it back; nobody, where the account was deleted.
    account bigint,
    -- Milliseconds since 1970.
    until   bigint NOT NULL
);
CREATE INDEX held_names_account ON held_names (account);
CREATE INDEX held_names_until ON held_names (until);
