-- Opens an incident for each scope, or counts one more sighting on the one that is open for this kind and scope. The
-- partial unique index decides between two that open at once. `opened` tells which it was.
INSERT INTO incident (public_id, kind, severity, state, program, tenant, subject, title, check_name, sample, opened_by,
                      opened_at, seen_count, seen_at, owner, ack_due_at, escalations, root_cause, root_cause_by,
                      resolution, resolved_by)
SELECT u.public_id, %(kind)s, %(severity)s, 'open', u.program, u.tenant, u.subject, u.title, u.check_name, u.sample,
       %(actor)s, (SELECT base.clock_now()), 1, (SELECT base.clock_now()), 'on-call',
       (SELECT base.clock_now()) + make_interval(secs => %(ack_due_s)s), 0, '', '', '', ''
FROM unnest(%(public_ids)s::text[], %(programs)s::text[], %(tenants)s::bigint[], %(subjects)s::text[],
            %(titles)s::text[], %(check_names)s::text[], %(samples)s::jsonb[])
     AS u (public_id, program, tenant, subject, title, check_name, sample)
ON CONFLICT (kind, program, tenant, subject) WHERE state IN ('investigating', 'mitigated', 'open', 'root_caused')
DO UPDATE SET seen_count = incident.seen_count + 1, seen_at = EXCLUDED.seen_at, sample = EXCLUDED.sample
RETURNING id, public_id, kind, severity, state, program, tenant, subject, title, check_name,
          seen_count = 1 AS opened, (SELECT base.clock_now()) AS now
