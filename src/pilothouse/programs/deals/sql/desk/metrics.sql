-- What the metrics are made of: one row for each week of creation (it begins on Monday, UTC) and version of terms. A deal
-- is matured when it has ended, or is older than the longest life that its pinned terms allow. Deals are read from their
-- index alone, once; disputes and their evidence as sets.
WITH life AS MATERIALIZED (
    SELECT t.name, t.version, t.body -> 'requiredEvidence' AS required,
           (SELECT base.clock_now()) - make_interval(hours =>
               (t.body ->> 'offerTtlHours')::int + (t.body ->> 'fundingTtlHours')::int
               + (t.body ->> 'handoverTtlDays')::int * 24 + (t.body ->> 'handoverConfirmTtlHours')::int
               + (t.body ->> 'handoverReviewTtlHours')::int + (t.body ->> 'inspectionTtlDays')::int * 24
               + 2 * (t.body ->> 'disputeTtlHours')::int + %(draft_hours)s) AS matured_before
    FROM terms t WHERE t.kind = 'deal_template' AND (%(template)s = '' OR t.name = %(template)s)
), deals AS (
    SELECT l.name, l.version, m.*
    FROM life l
    CROSS JOIN LATERAL (
        SELECT date_bin('7 days', d.created_at, TIMESTAMPTZ '2024-01-01 00:00:00+00') AS week, count(*) AS created,
               count(*) FILTER (WHERE d.ended_at IS NOT NULL OR d.created_at < l.matured_before) AS matured,
               count(*) FILTER (WHERE d.state = 'SETTLED') AS settled,
               sum(date_part('epoch', d.ended_at - d.created_at)) FILTER (WHERE d.state = 'SETTLED') AS seconds,
               sum(date_part('epoch', d.ended_at - d.created_at) ^ 2) FILTER (WHERE d.state = 'SETTLED') AS squares
        FROM deal d
        WHERE d.template = l.name AND d.terms_version = l.version AND d.state <> 'DRAFT'
          AND (%(tenant)s::bigint IS NULL OR d.tenant = %(tenant)s)
        GROUP BY 1
    ) m
), disputed AS MATERIALIZED (
    SELECT p.id, p.decided_by <> '' AS decided, p.ended_at IS NOT NULL AS ended, l.name, l.version, l.required,
           date_bin('7 days', d.created_at, TIMESTAMPTZ '2024-01-01 00:00:00+00') AS week,
           d.ended_at IS NOT NULL OR d.created_at < l.matured_before AS matured
    FROM dispute p
    JOIN deal d ON d.id = p.deal_id
    JOIN life l ON l.name = d.template AND l.version = d.terms_version
    WHERE %(tenant)s::bigint IS NULL OR p.tenant = %(tenant)s
), wanted AS MATERIALIZED (
    SELECT l.name, l.version, r.key AS code, w.type
    FROM life l
    CROSS JOIN LATERAL jsonb_each(l.required) r
    CROSS JOIN LATERAL jsonb_array_elements_text(r.value) AS w (type)
), incomplete AS (
    SELECT DISTINCT c.dispute_id
    FROM claim_line c
    JOIN disputed p ON p.id = c.dispute_id
    JOIN wanted w ON w.name = p.name AND w.version = p.version AND w.code = c.code
    WHERE NOT EXISTS (SELECT FROM deal_evidence e WHERE e.line_id = c.id AND e.side = 'buyer' AND e.type = w.type)
), disputes AS (
    SELECT p.name, p.version, p.week, count(*) AS disputed, count(*) FILTER (WHERE p.matured) AS disputed_matured,
           count(*) FILTER (WHERE i.dispute_id IS NULL) AS complete, count(*) FILTER (WHERE p.decided) AS decided,
           count(*) FILTER (WHERE p.ended) AS disputes_ended
    FROM disputed p LEFT JOIN incomplete i ON i.dispute_id = p.id
    GROUP BY 1, 2, 3
)
SELECT (d.week AT TIME ZONE 'UTC')::date AS week, d.name, d.version, d.created, d.matured, d.settled,
       coalesce(p.disputed_matured, 0) AS disputed_matured, coalesce(p.disputed, 0) AS disputed,
       coalesce(p.complete, 0) AS complete, coalesce(p.decided, 0) AS decided,
       coalesce(p.disputes_ended, 0) AS disputes_ended, coalesce(d.seconds, 0) AS seconds, coalesce(d.squares, 0) AS squares
FROM deals d
LEFT JOIN disputes p ON p.name = d.name AND p.version = d.version AND p.week = d.week
