-- What every pilot's machine lines are told from, in one row: the key, the grant, messages, drills, signals, fixes.
SELECT r.created_at AS link_at, r.consumed_at AS opened_at, r.expires_at AS link_expires_at,
    (SELECT coalesce(sum(t.amount), 0)::bigint FROM journal j JOIN transfer t ON t.journal = j.id AND t.tenant = j.tenant
     WHERE j.tenant = p.tenant AND j.kind = 'grant' AND j.ref_type = 'pilot_grant' AND j.effective_at >= p.created_at) AS granted,
    (SELECT max(j.effective_at) FROM journal j
     WHERE j.tenant = p.tenant AND j.kind = 'grant' AND j.ref_type = 'pilot_grant' AND j.effective_at >= p.created_at) AS granted_at,
    (SELECT coalesce(jsonb_object_agg(m.name, m.at), '{}') FROM (
         SELECT e.data ->> 'text' AS name, max(e.at) AS at FROM event e
         WHERE e.subject_kind = 'pilot' AND e.subject_id = p.id AND e.type = 'message' GROUP BY 1) m) AS messages,
    (SELECT max(e.at) FROM event e WHERE e.subject_kind = 'pilot' AND e.subject_id = p.id AND e.type = 'rollback_drill'
       AND e.data -> 'ok' = 'true' AND (e.data ->> 'attempt')::int = p.attempt) AS drill_at,
    (SELECT max(s.said_at) FROM pilot_signal s WHERE s.pilot_id = p.id AND s.kind = 'parity_question'
       AND (p.since IS NULL OR s.said_at >= p.since)) AS parity_at,
    (SELECT max(f.recorded_at) FROM pilot_fix f WHERE f.pilot_id = p.id AND f.attempt = p.attempt) AS fix_at
FROM pilot p LEFT JOIN reveal_link r ON r.tenant = p.tenant AND r.public_id = p.reveal_link
WHERE p.id = %(pilot)s
