-- All that the lines of one market's pilot are told from, in one row: its offered deals, disputes, timers, people.
WITH deals AS MATERIALIZED (
    SELECT d.* FROM deal d WHERE d.tenant = %(tenant)s AND d.state <> 'DRAFT' AND d.template = %(template)s
), claims AS MATERIALIZED (
    SELECT p.* FROM dispute p JOIN deals d ON d.id = p.deal_id WHERE p.tenant = %(tenant)s
)
SELECT
    (SELECT count(*) FROM deals) AS deals,
    (SELECT min(coalesce(offered_at, created_at)) FROM deals) AS first_at,
    (SELECT count(*) FROM deals WHERE state = 'INSPECTION') AS inspected,
    (SELECT count(*) FROM deals WHERE handover_at IS NOT NULL) AS handed_over,
    (SELECT max(handover_at) FROM deals) AS handed_over_at,
    (SELECT count(*) FROM deals d WHERE d.state = 'INSPECTION' AND NOT EXISTS (
        SELECT FROM timer t WHERE t.subject_kind = 'deal' AND t.subject_id = d.id AND t.name = 'auto_approve'
          AND t.state = 'armed')) AS hidden_timers,
    (SELECT count(*) FROM deals d WHERE d.ended_at IS NULL AND NOT EXISTS (
        SELECT FROM timer t WHERE t.state = 'armed'
          AND t.due_at >= (SELECT base.clock_now()) - make_interval(secs => %(late_s)s)
          AND (t.subject_kind, t.subject_id) IN (
              ('deal', d.id), ('dispute', (SELECT p.id FROM dispute p WHERE p.deal_id = d.id))))) AS stuck,
    (SELECT count(*) FROM claims) AS disputes,
    (SELECT count(*) FROM claims p WHERE NOT EXISTS (
        SELECT FROM claim_line c JOIN deal_evidence e ON e.line_id = c.id AND e.side = 'buyer'
        WHERE c.dispute_id = p.id)) AS without_evidence,
    (SELECT max(opened_at) FROM claims) AS last_dispute_at,
    (SELECT count(*) FROM claims WHERE coalesce(decided_by, '') <> '' AND state = 'RESOLVED') AS decided,
    (SELECT count(*) FROM claims p WHERE coalesce(p.decided_by, '') <> '' AND p.state = 'RESOLVED' AND (
        coalesce(p.audit_reason, '') = '' OR EXISTS (
            SELECT FROM claim_line c JOIN deals d ON d.id = p.deal_id
            JOIN terms t ON t.kind = 'deal_template' AND t.hash = d.terms_hash
            WHERE c.dispute_id = p.id AND NOT coalesce(
                t.body -> 'allowedOutcomes' -> c.code, t.body -> 'allowedOutcomes' -> '*', '[]') ? c.outcome))) AS unaudited,
    (SELECT max(ended_at) FROM claims) AS decided_at,
    (SELECT max(terms_version) FROM deals) AS newest_used,
    (SELECT min(terms_version) FROM deals) AS first_used,
    (SELECT count(*) FROM deals WHERE terms_version > (SELECT min(terms_version) FROM deals)) AS on_new_version,
    (SELECT jsonb_object_agg(m.role, m.added_at) FROM (
        SELECT role, min(added_at) AS added_at FROM member WHERE tenant = %(tenant)s GROUP BY role) m) AS members
