-- What is left of a deleted account, and how its name leaves the log.

-- The nonce of the request that gave an account its password, so that a repeat is known.
ALTER TABLE accounts ADD COLUMN password_nonce text;

-- The events of servers that say what an account is called: where its name has to be taken out
-- of the log when it is deleted. Few, as only a joining and a new name are told so.
CREATE TABLE told_names (
    account bigint NOT NULL,
    topic   bigint NOT NULL,
    seq     bigint NOT NULL,
    day     date NOT NULL,
    PRIMARY KEY (account, topic, seq)
);
-- They go with the log.
CREATE INDEX told_names_day ON told_names (day);
