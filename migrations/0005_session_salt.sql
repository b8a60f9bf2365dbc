-- What makes a session's token, together with a key of the cluster: a repeated sign-in is
-- answered with the same token, which is still stored nowhere.
ALTER TABLE sessions ADD COLUMN salt bytea NOT NULL DEFAULT '';
COMMENT ON COLUMN sessions.nonce IS 'The nonce of the sign-in: a repeat gets this session and its token.';

-- How many guests there are, and how many codes a server has.
CREATE INDEX accounts_guests ON accounts (id) WHERE guest;
CREATE INDEX invites_server ON invites (server);
