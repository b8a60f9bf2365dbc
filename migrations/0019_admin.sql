-- Accounts that an operator closed: nobody can sign in.
ALTER TABLE accounts ADD COLUMN disabled boolean NOT NULL DEFAULT false;
