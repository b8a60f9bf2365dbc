-- Rights as of the event: who sees what is folded from the log, so each change in
-- it says what was before and after, and each membership has a beginning.

-- The event that a membership began with, and the last one that changed its roles.
ALTER TABLE members
    ADD COLUMN since   bigint NOT NULL DEFAULT 0,
    ADD COLUMN changed bigint NOT NULL DEFAULT 0;

-- The last event that changed what permissions depend on. Changes before this
-- migration say too little to be folded: nobody replays across its head.
ALTER TABLE servers
    ADD COLUMN rights_version bigint NOT NULL DEFAULT 0,
    ADD COLUMN member_count   integer NOT NULL DEFAULT 0;
UPDATE servers s SET
    rights_version = coalesce((SELECT head FROM topics t WHERE t.id = s.id), 0),
    member_count = (SELECT count(*) FROM members m WHERE m.server = s.id);

-- The accounts that an event is for, packed; none for all who see its channel.
ALTER TABLE events ADD COLUMN audience bytea;

-- The changes of a topic, found without reading what was said between them.
DROP INDEX events_crossed;
CREATE INDEX events_effects ON events (topic, seq) WHERE effect IS NOT NULL;
