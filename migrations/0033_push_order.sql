-- Pushes in their order: which message one tells of, how long its device waits, and which devices are switched off.

ALTER TABLE push_devices
    -- Switched off by its account, from wherever it is.
    ADD COLUMN is_off boolean NOT NULL DEFAULT false;
ALTER TABLE push_failures
    -- How often pushes failed since then, and until when none is tried.
    ADD COLUMN count integer NOT NULL DEFAULT 0,
    ADD COLUMN until timestamptz NOT NULL DEFAULT '-infinity';

-- The devices that pushes go to, once they are switched on: nobody subscribed their address later, and their push services know
-- them. As it was, with the new column: programs of before delete what is not in it.
CREATE OR REPLACE VIEW push_told AS
    SELECT d.* FROM push_devices d
    WHERE NOT EXISTS (SELECT FROM push_addresses later WHERE later.address = d.address AND later.device > d.id)
      AND NOT EXISTS (SELECT FROM push_failures f WHERE f.account = d.account AND f.device = d.id AND f.gone);
-- Those that are switched on.
CREATE VIEW push_on AS SELECT * FROM push_told WHERE NOT is_off;
-- Two services are named by their whole hosts now.
UPDATE push_devices SET service = 'updates.' || service WHERE service = 'push.services.mozilla.com';
UPDATE push_devices SET service = 'web.' || service WHERE service = 'push.apple.com';
UPDATE pushes SET service = 'updates.' || service WHERE service = 'push.services.mozilla.com';
UPDATE pushes SET service = 'web.' || service WHERE service = 'push.apple.com';

ALTER TABLE pushes
    -- The message that it tells of, where it tells of one: asked about again before it is sent late, and deleted with it.
    ADD COLUMN message bigint;
CREATE INDEX pushes_message ON pushes (message) WHERE message IS NOT NULL;
-- Who is meant goes before who is told of everything.
DROP INDEX pushes_due;
CREATE INDEX pushes_due ON pushes (service, urgency, due);
DROP INDEX pushes_device;
CREATE INDEX pushes_device ON pushes (account, device, urgency, id);
DROP INDEX notifications_due;
CREATE INDEX notifications_due ON notifications ((reason >= 6), due) WHERE state = 0;
