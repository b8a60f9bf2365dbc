-- Opcodes are numbered by family, 32 to each (shared/src/protocol/blocks.rs).
-- What may forbid a resume to cross a range: effects, members who join (306)
-- and channels that go (434).
DROP INDEX events_crossed;
CREATE INDEX events_crossed ON events (topic, seq) WHERE effect IS NOT NULL OR opcode IN (306, 434);
