-- A trace goes on behind the log: to the pushes that follow from a message.

-- The W3C trace parent of the command, where that is traced.
ALTER TABLE events ADD COLUMN trace text;
-- As in the event of the message.
ALTER TABLE notifications ADD COLUMN trace text;
