-- A search reads what changed since its block was signed: notes are found by what they are about.
CREATE INDEX search_pending_message ON search_pending (channel, message);
