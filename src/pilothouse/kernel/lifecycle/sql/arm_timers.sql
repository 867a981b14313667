-- Arms one timer for each row. A timer of the same name that is armed already keeps its due time: arming twice is the
-- same as arming once.
INSERT INTO timer (tenant, subject_kind, subject_id, name, state, due_at, armed_at, error)
SELECT u.tenant, u.kind, u.subject, u.name, 'armed',
       (SELECT base.clock_now()) + make_interval(secs => u.seconds), (SELECT base.clock_now()), ''
FROM unnest(%(tenants)s::bigint[], %(kinds)s::text[], %(subjects)s::bigint[], %(names)s::text[],
            %(seconds)s::double precision[]) AS u (tenant, kind, subject, name, seconds)
ON CONFLICT (subject_kind, subject_id, name) WHERE state = 'armed' DO NOTHING
