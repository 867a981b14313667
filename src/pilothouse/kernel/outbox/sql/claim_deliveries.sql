-- Takes a set of due deliveries.
--   1. Which endpoints have open deliveries: one index probe for each, whatever the size of their backlog.
--   2. Of those, the ones that are due, active and whose breaker is not closed; longest waiting first. Their rows are
--      locked (never waited for), so two workers cannot both fill one endpoint's room.
--   3. From each at most as many as it has room for: one while it keeps failing.
--   4. In turns over the tenants, and over a tenant's endpoints, so that none of them can fill the set; and for each
--      tenant no more than it may have under way, so that slow endpoints of one never take all connections.
-- The lease is machine time, what is due is business time.
WITH RECURSIVE open_endpoint AS (
    (SELECT d.endpoint_id FROM delivery d WHERE d.state IN ('queued', 'waiting') ORDER BY d.endpoint_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.endpoint_id FROM delivery d
            WHERE d.state IN ('queued', 'waiting') AND d.endpoint_id > o.endpoint_id
            ORDER BY d.endpoint_id LIMIT 1)
    FROM open_endpoint o WHERE o.endpoint_id IS NOT NULL
), due AS (
    SELECT o.endpoint_id, first.next_run_at
    FROM open_endpoint o
    CROSS JOIN LATERAL (
        SELECT d.next_run_at FROM delivery d
        WHERE d.endpoint_id = o.endpoint_id AND d.state IN ('queued', 'waiting')
        ORDER BY d.next_run_at LIMIT 1
    ) first
    WHERE first.next_run_at <= (SELECT base.clock_now())
), ready AS MATERIALIZED (
    SELECT e.id, e.failures
    FROM due JOIN endpoint e ON e.id = due.endpoint_id
    WHERE e.state = 'active' AND (e.closed_until IS NULL OR e.closed_until <= (SELECT base.machine_now()))
    ORDER BY due.next_run_at LIMIT %(count)s
    FOR NO KEY UPDATE OF e SKIP LOCKED
), room AS MATERIALIZED (
    SELECT r.id, greatest(0, CASE WHEN r.failures >= %(breaker_failures)s THEN 1 ELSE %(per_endpoint)s END - (
        SELECT count(*) FROM delivery d WHERE d.endpoint_id = r.id AND d.state = 'sending'
    )) AS free
    FROM ready r
), picked AS MATERIALIZED (
    SELECT d.id, d.tenant, d.endpoint_id, d.next_run_at
    FROM room
    CROSS JOIN LATERAL (
        SELECT p.id, p.tenant, p.endpoint_id, p.next_run_at FROM delivery p
        WHERE p.endpoint_id = room.id AND p.state IN ('queued', 'waiting')
          AND p.next_run_at <= (SELECT base.clock_now())
        ORDER BY p.next_run_at LIMIT room.free FOR UPDATE SKIP LOCKED
    ) d
), under_way AS MATERIALIZED (
    SELECT d.tenant, count(*) AS n FROM delivery d WHERE d.state = 'sending' GROUP BY d.tenant
), turns AS (
    SELECT e.id, e.tenant, e.next_run_at, row_number() OVER (PARTITION BY e.tenant ORDER BY e.turn, e.next_run_at) AS turn
    FROM (SELECT p.*, row_number() OVER (PARTITION BY p.endpoint_id ORDER BY p.next_run_at) AS turn FROM picked p) e
), chosen AS MATERIALIZED (
    SELECT t.id
    FROM turns t LEFT JOIN under_way u ON u.tenant = t.tenant
    WHERE t.turn + coalesce(u.n, 0) <= %(per_tenant)s
    ORDER BY t.turn, t.next_run_at LIMIT %(count)s
), claimed AS (
    UPDATE delivery d
    SET state = 'sending', attempt = d.attempt + 1, token = d.token + 1, next_run_at = NULL,
        lease_until = (SELECT base.machine_now()) + make_interval(secs => %(lease_s)s)
    FROM chosen
    WHERE d.id = chosen.id AND d.state IN ('queued', 'waiting')
    RETURNING d.id, d.tenant, d.attempt, d.token, d.endpoint_id, d.message_id
)
SELECT c.id, c.tenant, c.attempt, c.token, c.endpoint_id, e.url, m.public_id AS message_id, m.body, m.body_sha256,
       s.sealed,
       ARRAY(SELECT older.secret ->> 'sealed' FROM jsonb_array_elements(s.previous) AS older (secret)
             WHERE (older.secret ->> 'until')::timestamptz > (SELECT base.clock_now())) AS previous
FROM claimed c
JOIN endpoint e ON e.id = c.endpoint_id
JOIN message m ON m.id = c.message_id
JOIN signing_secret s ON s.id = e.secret_id
ORDER BY c.id
