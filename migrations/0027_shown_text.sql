-- What is seen beside the name of an account that has hidden, until gateways show it no more: the
-- text before. Were it gone first, everybody could tell who hides from who leaves.

ALTER TABLE statuses ADD COLUMN shown text;
