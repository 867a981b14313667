SELECT (SELECT count(*) FROM incident WHERE state IN ('investigating', 'mitigated', 'open', 'root_caused')) AS incidents,
       (SELECT count(*) FROM incident WHERE kind = 'stuck_subject'
          AND state IN ('investigating', 'mitigated', 'open', 'root_caused')) AS stuck,
       (SELECT count(*) FROM gate WHERE opened_at IS NULL) AS gates,
       (SELECT count(*) FROM grant_request WHERE state = 'requested') AS grants,
       (SELECT count(*) FROM job WHERE state = 'failed' OR (state = 'queued' AND error <> '')) AS jobs,
       (SELECT count(*) FROM delivery d WHERE d.id > (SELECT coalesce(max(id), 0) - %(tail)s FROM delivery)
          AND d.state = 'dead' AND NOT EXISTS (SELECT FROM delivery r WHERE r.message_id = d.message_id
              AND r.endpoint_id = d.endpoint_id AND r.id > d.id)) AS dead
