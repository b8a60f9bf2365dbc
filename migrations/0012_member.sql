-- Members have nicknames and roles, and a place in the list that people see.

ALTER TABLE members
    ADD COLUMN nickname       text,
    -- The event that told it, so that it leaves the log with it.
    ADD COLUMN nickname_event bigint,
    -- Milliseconds since 1970; none for who joined before it was kept.
    ADD COLUMN joined_at      bigint,
    -- What the list is sorted by: nickname or name, folded. Compared as bytes, whatever the
    -- language of the database.
    ADD COLUMN sort_name      text COLLATE "C" NOT NULL DEFAULT '';
UPDATE members m SET sort_name = a.folded FROM accounts a WHERE a.id = m.account;
CREATE INDEX members_name ON members (server, sort_name, account);

-- Who holds a role, by name: a row for each role that a member holds.
CREATE TABLE member_roles (
    server    bigint NOT NULL,
    role      bigint NOT NULL,
    sort_name text COLLATE "C" NOT NULL,
    account   bigint NOT NULL,
    PRIMARY KEY (server, role, sort_name, account),
    FOREIGN KEY (server, account) REFERENCES members (server, account) ON DELETE CASCADE
);
CREATE INDEX member_roles_account ON member_roles (server, account);
INSERT INTO member_roles (server, role, sort_name, account)
    SELECT server, unnest(roles), sort_name, account FROM members;
