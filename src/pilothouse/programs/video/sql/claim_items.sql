-- Leases a set of due items across tenants. In order: items by what is due, skipping what another worker holds, and
-- pending ones behind a closed gate; then the parents of those that start, in id order. No more start than the
-- providers have room for, so that ITEM_TIMEOUT never runs while an item only waits for us.
WITH going_on AS MATERIALIZED (
    SELECT i.id, i.state FROM item i
    WHERE i.state = 'running' AND i.next_run_at <= (SELECT base.clock_now())
      AND (i.lease_until IS NULL OR i.lease_until < statement_timestamp()) AND i.stuck_error IS NULL
      AND (i.provider_ref IS NOT NULL OR NOT EXISTS (
          SELECT FROM gates_over('video', 'no_dispatch', i.tenant) g WHERE g.opened_at IS NULL
      ))
    ORDER BY i.next_run_at LIMIT %(count)s FOR UPDATE OF i SKIP LOCKED
), starting_now AS MATERIALIZED (
    SELECT i.id, i.state FROM item i
    WHERE i.state = 'pending' AND i.next_run_at <= (SELECT base.clock_now())
      AND (i.lease_until IS NULL OR i.lease_until < statement_timestamp()) AND i.stuck_error IS NULL
      AND NOT EXISTS (
          SELECT FROM gates_over('video', 'no_dispatch', i.tenant) g WHERE g.opened_at IS NULL
      )
    ORDER BY i.next_run_at LIMIT least(%(room)s, %(count)s - (SELECT count(*) FROM going_on))
    FOR UPDATE OF i SKIP LOCKED
), due AS (
    SELECT * FROM going_on UNION ALL SELECT * FROM starting_now
), claimed AS (
    UPDATE item i SET
        state = 'running', token = i.token + 1,
        lease_until = statement_timestamp() + make_interval(secs => %(lease_s)s),
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
