-- What a market's deals are doing (all markets' without one), and whether operators could do what the terms do not
-- allow. A decision's outcome is looked up in the menu of the deal's own terms; a published template has a menu for each
-- of its reason codes. A deal has one armed timer, of its own or of its dispute.
WITH open AS (
    SELECT count(*) AS open, count(coalesce(t.id, q.id)) AS timers, count(*) FILTER (WHERE d.state = 'INSPECTION') AS inspection,
           count(*) FILTER (WHERE d.state = 'INSPECTION' AND t.name = 'auto_approve') AS armed,
           count(*) FILTER (WHERE coalesce(t.due_at, q.due_at) IS NULL
               OR coalesce(t.due_at, q.due_at) < (SELECT base.clock_now()) - make_interval(secs => %(late_s)s)) AS stuck
    FROM deal d
    LEFT JOIN timer t ON t.subject_kind = 'deal' AND t.subject_id = d.id AND t.state = 'armed'
    LEFT JOIN dispute p ON p.deal_id = d.id AND p.ended_at IS NULL
    LEFT JOIN timer q ON q.subject_kind = 'dispute' AND q.subject_id = p.id AND q.state = 'armed'
    WHERE (%(tenant)s::bigint IS NULL OR d.tenant = %(tenant)s) AND d.ended_at IS NULL
), disputed AS (
    SELECT p.id, p.due_at, EXISTS (
        SELECT FROM claim_line c
        CROSS JOIN LATERAL jsonb_array_elements_text(
            (SELECT t.body -> 'requiredEvidence' -> c.code FROM terms t
             WHERE t.kind = 'deal_template' AND t.hash = d.terms_hash LIMIT 1)) AS wanted
        WHERE c.dispute_id = p.id AND NOT EXISTS (
            SELECT FROM deal_evidence e
            WHERE e.deal_id = d.id AND e.line_id = c.id AND e.side = 'buyer' AND e.type = wanted)) AS bare
    FROM dispute p JOIN deal d ON d.id = p.deal_id
    WHERE (%(tenant)s::bigint IS NULL OR p.tenant = %(tenant)s) AND p.ended_at IS NULL
)
SELECT o.*,
       (SELECT count(*) FROM disputed) AS disputes,
       (SELECT count(*) FROM disputed WHERE due_at < (SELECT base.clock_now()) + interval '12 hours') AS soon,
       (SELECT count(*) FROM disputed WHERE bare) AS bare,
       (SELECT count(*) FROM claim_line c
        JOIN dispute p ON p.id = c.dispute_id AND p.decided_by <> ''
        JOIN deal d ON d.id = p.deal_id
        CROSS JOIN LATERAL (SELECT t.body -> 'allowedOutcomes' AS menus FROM terms t
                            WHERE t.kind = 'deal_template' AND t.hash = d.terms_hash LIMIT 1) t
        WHERE (%(tenant)s::bigint IS NULL OR c.tenant = %(tenant)s)
          AND NOT coalesce(t.menus -> c.code, t.menus -> '*', '[]') ? c.outcome) AS outside_menu,
       (SELECT count(*) FROM dispute p WHERE (%(tenant)s::bigint IS NULL OR p.tenant = %(tenant)s) AND p.decided_by <> ''
           AND (p.audit_reason IS NULL OR p.audit_note = '')) AS without_reason,
       (SELECT count(*) FROM terms t
        CROSS JOIN LATERAL jsonb_object_keys(t.body -> 'offsetCapsByReasonCode') AS code
        WHERE t.kind = 'deal_template' AND t.state = 'published'
          AND jsonb_array_length(coalesce(t.body -> 'allowedOutcomes' -> code, t.body -> 'allowedOutcomes' -> '*', '[]')) = 0
       ) AS open_menus,
       (SELECT count(*) FROM payout y WHERE (%(tenant)s::bigint IS NULL OR y.tenant = %(tenant)s)
           AND y.state <> 'confirmed' AND y.created_at < (SELECT base.clock_now()) - interval '1 day') AS payouts_late
FROM open o
