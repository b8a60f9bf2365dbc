-- Web push: the devices of accounts, and what is to be sent to them.

-- Written by the lane of the account. Who signs out is told no more.
CREATE TABLE push_devices (
    account  bigint NOT NULL,
    id       bigint NOT NULL,
    session  bigint NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    -- Where pushes go, written by a stranger, and its SHA-256.
    endpoint text NOT NULL,
    address  bytea NOT NULL,
    -- The browser's public key and secret, and the public key of ours that it asked for.
    p256dh   bytea NOT NULL,
    auth     bytea NOT NULL,
    vapid    bytea NOT NULL,
    -- Which push service that is, as the list of them calls it.
    service  text NOT NULL,
    name     text NOT NULL,
    PRIMARY KEY (account, id),
    UNIQUE (account, address)
);
CREATE INDEX push_devices_address ON push_devices (address);
CREATE INDEX push_devices_session ON push_devices (session);

-- Who subscribed an address, and when: the largest device has it, also once it is told no more. Lanes only add rows, so none
-- waits for another; who sends deletes what decides nothing any more.
CREATE TABLE push_addresses (
    address bytea NOT NULL,
    device  bigint NOT NULL,
    PRIMARY KEY (address, device)
);

-- How it went, written by who sends. None where the last push arrived.
CREATE TABLE push_failures (
    account bigint NOT NULL,
    device  bigint NOT NULL,
    -- Milliseconds since 1970.
    since   bigint NOT NULL,
    -- The device is told no more; the lane of the account deletes it when it next writes devices.
    gone    boolean NOT NULL,
    PRIMARY KEY (account, device)
);

-- The devices that pushes go to.
CREATE VIEW push_told AS
    SELECT d.* FROM push_devices d
    WHERE NOT EXISTS (SELECT FROM push_addresses later WHERE later.address = d.address AND later.device > d.id)
      AND NOT EXISTS (SELECT FROM push_failures f WHERE f.account = d.account AND f.device = d.id AND f.gone);

-- What is to be sent, to one device each: left in the transaction of its cause, and from then on written by who sends alone.
CREATE TABLE pushes (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account  bigint NOT NULL,
    device   bigint NOT NULL,
    -- As in the row of the device: each service has places of its own.
    service  text NOT NULL,
    -- What is told; without any it only wakes the page, which has a general sentence then.
    body     bytea NOT NULL DEFAULT '' CHECK (octet_length(body) <= 3052),
    -- A newer push of the same topic replaces one that was not shown yet.
    topic    text CHECK (topic ~ '^[A-Za-z0-9_-]{1,32}$'),
    -- How soon the device is to be woken: 0 very low, 1 low, 2 normal, 3 high.
    urgency  smallint NOT NULL DEFAULT 3 CHECK (urgency BETWEEN 0 AND 3),
    -- For how many seconds since it was made it is worth something, here and at its service.
    ttl_s    integer NOT NULL DEFAULT 86400 CHECK (ttl_s BETWEEN 1 AND 2419200),
    -- The W3C trace parent of its cause, where that is traced.
    trace    text,
    made     timestamptz NOT NULL DEFAULT now(),
    -- When it is to be sent, or tried again.
    due      timestamptz NOT NULL DEFAULT now(),
    -- Until when a worker has it, which claim that is, and how many there were.
    lease    timestamptz NOT NULL DEFAULT '-infinity',
    claim    bigint NOT NULL DEFAULT 0,
    attempts smallint NOT NULL DEFAULT 0
);
CREATE INDEX pushes_due ON pushes (service, due);
CREATE INDEX pushes_device ON pushes (account, device, id);
