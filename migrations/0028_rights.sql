-- Who made a rule or changed it last: it silences nobody who ranks as high. None where nobody knows.
ALTER TABLE automod_rules ADD COLUMN maker bigint;
-- Where what a banned account said is deleted: in the channels that who banned it managed then. None
-- means everywhere.
ALTER TABLE deletions ADD COLUMN channels bigint[];
-- Bans of accounts that were never members: their number has a bound.
CREATE INDEX bans_strangers ON bans (server) WHERE NOT known;
