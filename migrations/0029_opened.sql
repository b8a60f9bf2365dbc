-- Whether a use of a code opened the account that redeemed it.
ALTER TABLE invite_uses ADD COLUMN opened_account boolean NOT NULL DEFAULT false;
-- Whether it still lets that account into the server of the code: then it was counted, but nobody joined by it.
ALTER TABLE invite_uses ADD COLUMN unspent boolean NOT NULL DEFAULT false;
-- Whether a server's code opens accounts, too: one that an administrator of the deployment made for a server of his own.
ALTER TABLE invites ADD COLUMN opens_account boolean NOT NULL DEFAULT false;
