-- Ends a set of disputes by one event: state, what each line was granted, timers and timelines. The rows are locked by
-- the caller; `old` guards the state all the same. Their deals are moved by `advance`, in the same transaction.
WITH ending AS MATERIALIZED (
    SELECT u.*, (SELECT base.clock_now()) AS at
    FROM unnest(%(ids)s::bigint[], %(olds)s::text[], %(news)s::text[], %(granted)s::bigint[], %(data)s::jsonb[])
         AS u (id, old, new, granted, data)
), ended AS (
    UPDATE dispute p SET state = e.new, ended_at = e.at, ended_by = %(reason)s, granted = e.granted,
           audit_reason = %(audit_reason)s, audit_note = %(audit_note)s, decided_by = %(decided_by)s
    FROM ending e WHERE p.id = e.id AND p.state = e.old
    RETURNING p.id, p.tenant, e.at, e.data
), judged AS (
    UPDATE claim_line l SET outcome = u.outcome, granted = u.granted
    FROM unnest(%(lines)s::bigint[], %(outcomes)s::text[], %(line_granted)s::bigint[]) AS u (id, outcome, granted)
    WHERE l.id = u.id AND l.dispute_id IN (SELECT id FROM ended)
), cancelled AS (
    UPDATE timer t SET state = 'cancelled', ended_at = e.at
    FROM ended e WHERE t.subject_kind = 'dispute' AND t.subject_id = e.id AND t.state = 'armed'
), told AS (
    INSERT INTO event (tenant, subject_kind, subject_id, seq, at, recorded_at, actor, type, data, visibility, tx)
    SELECT e.tenant, 'dispute', e.id, coalesce(last.seq, 0) + 1, e.at, clock_timestamp(), %(actor)s, %(event)s,
           e.data || jsonb_build_object('reason', %(reason)s), 'customer', (SELECT base.tx())
    FROM ended e
    LEFT JOIN LATERAL (
        SELECT v.seq FROM event v WHERE v.subject_kind = 'dispute' AND v.subject_id = e.id ORDER BY v.seq DESC LIMIT 1
    ) last ON true
    ORDER BY e.id
)
SELECT id FROM ended ORDER BY id
