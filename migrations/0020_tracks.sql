-- Whether a banned account was a member: only then may the list of bans say what it is called.
ALTER TABLE bans ADD COLUMN known boolean NOT NULL DEFAULT false;

-- What a deleted account wrote of whom it banned is taken out.
CREATE INDEX bans_author ON bans (banned_by) WHERE reason <> '';

-- Names of deleted accounts begin with what no name does, so that no search comes by them.
UPDATE accounts SET folded = ':' || id WHERE deleted AND folded LIKE 'deleted:%';
