-- One row a week of creation (and one a version of terms when asked by version): what the metrics are made of. A deal is
-- matured when it has ended, or is older than the longest life that its pinned terms allow.
WITH life AS (
    SELECT t.hash, make_interval(hours =>
        (t.body ->> 'offerTtlHours')::int + (t.body ->> 'fundingTtlHours')::int + (t.body ->> 'handoverTtlDays')::int * 24
        + (t.body ->> 'handoverConfirmTtlHours')::int + (t.body ->> 'handoverReviewTtlHours')::int
        + (t.body ->> 'inspectionTtlDays')::int * 24 + 2 * (t.body ->> 'disputeTtlHours')::int
        + %(draft_hours)s) AS longest
    FROM terms t WHERE t.kind = 'deal_template'
), one AS (
    SELECT CASE WHEN %(by)s = 'week'
                THEN to_char(date_trunc('week', d.created_at AT TIME ZONE 'UTC'), 'YYYY-MM-DD')
                WHEN %(by)s = 'version' THEN d.template || ' v' || d.terms_version ELSE '' END AS part,
           d.state, d.ended_at, d.created_at, p.id AS dispute, p.decided_by, p.ended_at AS dispute_ended,
           d.ended_at IS NOT NULL OR d.created_at + l.longest < (SELECT base.clock_now()) AS matured,
           p.id IS NOT NULL AND NOT EXISTS (
               SELECT FROM claim_line c
               CROSS JOIN LATERAL jsonb_array_elements_text(
                   (SELECT t.body -> 'requiredEvidence' -> c.code FROM terms t
                    WHERE t.kind = 'deal_template' AND t.hash = d.terms_hash LIMIT 1)) AS wanted
               WHERE c.dispute_id = p.id AND NOT EXISTS (
                   SELECT FROM deal_evidence e
                   WHERE e.deal_id = d.id AND e.line_id = c.id AND e.side = 'buyer' AND e.type = wanted)) AS complete
    FROM deal d
    LEFT JOIN LATERAL (SELECT l.longest FROM life l WHERE l.hash = d.terms_hash LIMIT 1) l ON true
    LEFT JOIN dispute p ON p.deal_id = d.id
    WHERE (%(tenant)s::bigint IS NULL OR d.tenant = %(tenant)s) AND d.state <> 'DRAFT'
      AND (%(template)s = '' OR d.template = %(template)s)
)
SELECT part, count(*) AS created, count(*) FILTER (WHERE matured) AS matured,
       count(*) FILTER (WHERE state = 'SETTLED') AS settled,
       count(*) FILTER (WHERE matured AND dispute IS NOT NULL) AS disputed_matured,
       count(dispute) AS disputed, count(*) FILTER (WHERE complete) AS complete,
       count(*) FILTER (WHERE decided_by <> '') AS decided,
       count(*) FILTER (WHERE dispute_ended IS NOT NULL) AS disputes_ended,
       coalesce(sum(extract(epoch FROM ended_at - created_at)) FILTER (WHERE state = 'SETTLED'), 0)::float8 AS seconds,
       coalesce(stddev_samp(extract(epoch FROM ended_at - created_at)) FILTER (WHERE state = 'SETTLED'), 0)::float8 AS spread
FROM one GROUP BY part ORDER BY part DESC LIMIT %(count)s
