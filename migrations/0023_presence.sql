-- Statuses: what an account shows beside its name, written by the lane of the
-- account. The text is here alone: no event carries it.

CREATE TABLE statuses (
    account bigint PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    -- 0 online, 1 idle, 2 not to be disturbed, 3 invisible.
    status  smallint NOT NULL,
    text    text NOT NULL,
    -- When it goes back to online without a text, in milliseconds since 1970.
    until   bigint,
    -- Rises with each change.
    version bigint NOT NULL
) WITH (fillfactor = 70);
