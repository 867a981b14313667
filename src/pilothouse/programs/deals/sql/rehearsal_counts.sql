-- What the chart of a rehearsal shows of a market: open deals, open disputes, deals ended, and what is held (whole units).
SELECT (count(*) FILTER (WHERE d.ended_at IS NULL AND d.state <> 'DRAFT'))::int AS open_deals,
       (count(*) FILTER (WHERE d.state = 'ISSUE'))::int AS in_dispute,
       (count(*) FILTER (WHERE d.state = 'SETTLED'))::int AS settled,
       (count(*) FILTER (WHERE d.ended_at IS NOT NULL AND d.state <> 'SETTLED'))::int AS ended_otherwise,
       (coalesce(sum(d.in_escrow), 0) / 100)::bigint AS in_escrow
FROM deal d WHERE d.tenant = %(tenant)s
