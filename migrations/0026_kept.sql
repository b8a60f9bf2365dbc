-- Used codes stay, so what asks for the others must not read them.

CREATE INDEX invites_living ON invites (coalesce(server, 0), code)
    WHERE NOT revoked AND (max_uses IS NULL OR uses < max_uses);
CREATE INDEX invites_unused ON invites (coalesce(server, 0), code) WHERE uses = 0;

-- An export is kept from its end.
CREATE INDEX exports_finished ON exports (finished_at);
