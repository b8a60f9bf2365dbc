-- What each message pays for: no index entry for events that nobody reads by position.

-- What consumers read: deleted messages (opcode 18). Another consumer's opcodes are an index
-- of their own. Lanes wait while it is made over the log that there is.
CREATE INDEX events_consumed ON events (partition, position) WHERE opcode = 18;
DROP INDEX events_position;

-- Internal commands have other tables since 0002; no program ever wrote this one.
DROP TABLE internal_commands;
