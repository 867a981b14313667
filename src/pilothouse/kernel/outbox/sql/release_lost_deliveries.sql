-- Gives back deliveries whose sender died: its lease ended. The lost try counts, so that a message which kills its
-- sender cannot do so for ever.
WITH lost AS MATERIALIZED (
    SELECT id FROM delivery
    WHERE state = 'sending' AND lease_until <= (SELECT base.machine_now())
    ORDER BY lease_until LIMIT %(count)s FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE delivery d
    SET state = CASE WHEN d.attempt < %(attempts_max)s THEN 'waiting' ELSE 'dead' END,
        next_run_at = CASE WHEN d.attempt < %(attempts_max)s THEN (SELECT base.clock_now()) END,
        ended_at = CASE WHEN d.attempt < %(attempts_max)s THEN NULL ELSE (SELECT base.clock_now()) END,
        lease_until = NULL, last_status = NULL, last_error = 'sender_lost'
    FROM lost WHERE d.id = lost.id AND d.state = 'sending'
    RETURNING d.id, d.tenant, d.public_id, d.endpoint_id, d.message_id, d.attempt, d.state
), logged AS (
    INSERT INTO delivery_attempt (tenant, delivery_id, number, at, ms, status, error, excerpt, body_sha256)
    SELECT m.tenant, m.id, m.attempt, (SELECT base.machine_now()), 0, NULL, 'sender_lost', '', e.body_sha256
    FROM moved m JOIN message e ON e.id = m.message_id
)
SELECT m.id, m.tenant, m.public_id, m.endpoint_id, m.message_id, m.attempt, m.state, NULL::int AS status,
       'sender_lost' AS error
FROM moved m ORDER BY m.id
