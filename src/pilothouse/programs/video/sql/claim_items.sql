-- Leases a set of due items across tenants. In order:
--   1. Items that go on, by what is due, skipping what another worker holds. Behind a closed gate only those that were
--      sent already.
--   2. Items that start. Tenants are found by one index probe each, whatever their backlog. Each may fill what it has in
--      work up to an even share of all that is in work and free, and those with the least in work come first, so that a
--      backlog of ten thousand never stands before another tenant's ten. What one leaves free, the next claim gives to
--      the others. Test items come after live ones and never have more than their own few in work.
--   3. The parents of those that start, in id order.
-- No more start than the providers have room for, so that ITEM_TIMEOUT never runs while an item only waits for us.
WITH RECURSIVE going_on AS MATERIALIZED (
    SELECT i.id, i.state FROM item i
    WHERE i.state = 'running' AND i.next_run_at <= (SELECT base.clock_now())
      AND (i.lease_until IS NULL OR i.lease_until < (SELECT base.machine_now())) AND i.stuck_error IS NULL
      AND (i.provider_ref IS NOT NULL OR NOT EXISTS (
          SELECT FROM gates_over('video', 'no_dispatch', i.tenant) g WHERE g.opened_at IS NULL
      ))
    ORDER BY i.next_run_at LIMIT %(count)s FOR UPDATE OF i SKIP LOCKED
), waiting AS (
    (SELECT b.mode, b.tenant FROM batch b WHERE b.pending_count > 0 ORDER BY b.mode, b.tenant LIMIT 1)
    UNION ALL
    SELECT n.mode, n.tenant
    FROM waiting w CROSS JOIN LATERAL (
        SELECT b.mode, b.tenant FROM batch b
        WHERE b.pending_count > 0 AND (b.mode, b.tenant) > (w.mode, w.tenant)
        ORDER BY b.mode, b.tenant LIMIT 1
    ) n
), in_work AS MATERIALIZED (
    SELECT b.mode, b.tenant, sum(b.running_count) AS n FROM batch b WHERE b.running_count > 0 GROUP BY b.mode, b.tenant
), room AS MATERIALIZED (
    SELECT r.mode, greatest(0, least(r.free, %(count)s - (SELECT count(*) FROM going_on)))::bigint AS free
    FROM (VALUES ('live', %(room)s::bigint),
                 ('test', %(test_max)s - coalesce((SELECT sum(n) FROM in_work WHERE mode = 'test'), 0))) AS r (mode, free)
), share AS MATERIALIZED (
    SELECT w.mode, w.tenant, coalesce(u.n, 0) AS in_work, r.free,
           least(r.free, greatest(1, ceil((r.free + sum(coalesce(u.n, 0)) OVER mode) / count(*) OVER mode)
                                     - coalesce(u.n, 0)))::bigint AS most
    FROM waiting w JOIN room r ON r.mode = w.mode AND r.free > 0
    LEFT JOIN in_work u ON u.mode = w.mode AND u.tenant = w.tenant
    WHERE NOT EXISTS (
        SELECT FROM gates_over('video', 'no_dispatch', w.tenant) g WHERE g.opened_at IS NULL
    )
    WINDOW mode AS (PARTITION BY w.mode)
), candidates AS MATERIALIZED (
    SELECT s.mode, s.in_work + i.nth AS turn, i.id, i.state
    FROM share s CROSS JOIN LATERAL (
        SELECT p.id, p.state, row_number() OVER () AS nth
        FROM (SELECT b.id FROM batch b
              WHERE b.mode = s.mode AND b.tenant = s.tenant AND b.pending_count > 0 ORDER BY b.id) b
        CROSS JOIN LATERAL (
            SELECT p.id, p.state FROM item p
            WHERE p.batch = b.id AND p.state = 'pending' AND p.next_run_at <= (SELECT base.clock_now())
              AND p.stuck_error IS NULL
            ORDER BY p.position LIMIT s.most FOR UPDATE SKIP LOCKED
        ) p
        LIMIT s.most
    ) i
), starting_now AS MATERIALIZED (
    SELECT c.id, c.state
    FROM (SELECT * FROM room ORDER BY mode) r
    CROSS JOIN LATERAL (
        SELECT c.id, c.state FROM candidates c WHERE c.mode = r.mode ORDER BY c.turn, c.id LIMIT r.free
    ) c
    LIMIT greatest(0, %(count)s - (SELECT count(*) FROM going_on))
), due AS (
    SELECT * FROM going_on UNION ALL SELECT * FROM starting_now
), claimed AS (
    UPDATE item i SET
        state = 'running', token = i.token + 1,
        lease_until = (SELECT base.machine_now()) + make_interval(secs => %(lease_s)s),
        dispatched_at = coalesce(i.dispatched_at, (SELECT base.clock_now())),
        timeout_at = CASE
            WHEN i.timeout_at IS NULL THEN (SELECT base.clock_now()) + make_interval(secs => %(timeout_s)s)
            -- What waited here while a gate was closed has its whole time again from the reopening.
            WHEN i.provider_ref IS NULL THEN greatest(i.timeout_at, (
                SELECT max(g.opened_at) + make_interval(secs => %(timeout_s)s)
                FROM gates_over('video', 'no_dispatch', i.tenant) g WHERE g.opened_at > i.dispatched_at
            ))
            ELSE i.timeout_at
        END
    FROM due WHERE i.id = due.id
    RETURNING i.id, i.public_id, i.tenant, i.batch, i.token, i.attempt, i.waits, i.params, i.image, i.provider,
              i.provider_ref, i.timeout_at <= (SELECT base.clock_now()) AS timed_out,
              extract(epoch FROM (SELECT base.clock_now()) - i.dispatched_at)::float AS running_s,
              due.state AS old_state
), starting AS (
    SELECT c.batch, count(*) AS n FROM claimed c WHERE c.old_state = 'pending' GROUP BY c.batch
), locked AS MATERIALIZED (
    SELECT b.id, b.state FROM batch b WHERE b.id IN (SELECT batch FROM starting) ORDER BY b.id FOR UPDATE
), started AS (
    UPDATE batch b SET
        pending_count = b.pending_count - s.n, running_count = b.running_count + s.n, state = 'running',
        started_at = coalesce(b.started_at, (SELECT base.clock_now()))
    FROM starting s JOIN locked l ON l.id = s.batch
    WHERE b.id = l.id
    RETURNING b.id, b.tenant, l.state AS old_state, s.n
), told AS (
    INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
    SELECT s.tenant, 'batch', s.id,
           (SELECT max(e.seq) FROM event e WHERE e.subject_kind = 'batch' AND e.subject_id = s.id) + 1,
           (SELECT base.clock_now()), clock_timestamp(), 'worker', 'start', jsonb_build_object('items', s.n),
           'customer', (SELECT base.tx())
    FROM started s WHERE s.old_state = 'pending'
)
SELECT c.*, b.mode FROM claimed c JOIN batch b ON b.id = c.batch
