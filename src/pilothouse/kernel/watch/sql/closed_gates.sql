SELECT public_id, program, tenant, mode, reason, closed_at FROM gate
WHERE program = %(program)s AND opened_at IS NULL
  AND (tenant IS NULL OR tenant = %(tenant)s::bigint)
ORDER BY mode, tenant NULLS FIRST, id
