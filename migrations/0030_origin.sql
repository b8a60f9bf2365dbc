-- In which database this one was made, and the moment to which it was restored, if to one: told again by `worker new-epoch`. A copy
-- that was restored from a backup does not match, so workers notice that nobody said so.
ALTER TABLE deployment ADD COLUMN origin text NOT NULL DEFAULT '';
UPDATE deployment SET origin = 'deployment'::regclass::oid || '@' || concat(
    current_setting('recovery_target'), current_setting('recovery_target_time'), current_setting('recovery_target_name'),
    current_setting('recovery_target_lsn'), current_setting('recovery_target_xid'));
