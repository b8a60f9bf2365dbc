-- A trace goes on behind the log: to the pushes that follow from a message.

-- As in the event of the message. First, as accounts that are deleted lose these rows first.
ALTER TABLE notifications ADD COLUMN trace text;
-- The W3C trace parent of the command, where that is traced.
ALTER TABLE events ADD COLUMN trace text;
