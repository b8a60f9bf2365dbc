-- Where the event log was made: the server and the database, and the moment to which these were restored, if to one. `worker migrate`
-- writes it where it is empty, `worker new-epoch` anew; a copy that was restored from a backup does not match.
ALTER TABLE deployment ADD COLUMN origin text NOT NULL DEFAULT '';
