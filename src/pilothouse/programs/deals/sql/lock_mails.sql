-- A reminder stands while its timer is armed for the very instant that it was queued for.
SELECT m.id, m.tenant, m.deal_id, m.key, m.about, m.actor, m.data, m.side, m.at, m.sealed,
       m.timer IS NULL OR EXISTS (SELECT FROM timer t WHERE t.id = m.timer AND t.state = 'armed' AND t.due_at = m.at
                                  AND t.due_at > (SELECT base.clock_now())) AS stands
FROM deal_mail m WHERE m.id = ANY(%(ids)s::bigint[]) AND m.done_at IS NULL
ORDER BY m.id FOR UPDATE SKIP LOCKED
