-- Closes a gate; when it is closed already, nothing happens and no row comes back. The partial unique index decides
-- between two that close at once.
INSERT INTO gate (tenant, public_id, program, mode, reason, closed_at, closed_by)
VALUES (%(tenant)s, %(public_id)s, %(program)s, %(mode)s, %(reason)s, (SELECT base.clock_now()), %(actor)s)
ON CONFLICT (program, tenant, mode) WHERE opened_at IS NULL DO NOTHING
RETURNING id, public_id
