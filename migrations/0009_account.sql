-- People, servers and the deployment say more of themselves, and are found by it.

-- What an account says of itself. A deleted account keeps its row, as its messages stay: its
-- name is freed, and nothing else is left of it.
ALTER TABLE accounts
    ADD COLUMN avatar  text NOT NULL DEFAULT '',
    ADD COLUMN bio     text NOT NULL DEFAULT '',
    ADD COLUMN locale  text NOT NULL DEFAULT '',
    ADD COLUMN deleted boolean NOT NULL DEFAULT false;
-- Names by what they begin with, whatever the language of the database.
CREATE INDEX accounts_prefix ON accounts (folded COLLATE "C");

ALTER TABLE servers
    ADD COLUMN icon         text NOT NULL DEFAULT '',
    ADD COLUMN description  text NOT NULL DEFAULT '',
    ADD COLUMN discoverable boolean NOT NULL DEFAULT false;
CREATE INDEX servers_discoverable ON servers (id) WHERE discoverable;

-- What the administrator says in place of the workers' flags; none as long as he says nothing.
-- signup: 0 open, 1 invite, 2 closed.
ALTER TABLE deployment
    ADD COLUMN name   text NOT NULL DEFAULT 'Confab',
    ADD COLUMN signup smallint,
    ADD COLUMN guests boolean;

-- Codes by what they open, the deployment being 0, and of these by who made them.
ALTER TABLE invites ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX invites_opening ON invites (coalesce(server, 0), code);
CREATE INDEX invites_creator ON invites (coalesce(server, 0), creator, code);
-- Who redeemed a code, by time, and which codes somebody redeemed.
CREATE INDEX invite_uses_time ON invite_uses (code, used_at, account);
CREATE INDEX invite_uses_account ON invite_uses (account);
