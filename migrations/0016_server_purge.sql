-- A server goes at once, and what belonged to it in slices: these tables may be large for one
-- server, so they do not go with its row. Whose server is gone belongs to nobody: readers join it.
ALTER TABLE members DROP CONSTRAINT members_server_fkey;
ALTER TABLE channels DROP CONSTRAINT channels_server_fkey;
ALTER TABLE roles DROP CONSTRAINT roles_server_fkey;
