-- machine time: when the cut was taken is printed on the export; the transaction numbers decide what is in it.
-- Which transactions are finished now, in the house's own numbering, so that the same set can be named again later.
SELECT (SELECT clock_timestamp()) AS as_of, pg_snapshot_xmin(s.now)::text::bigint + h.tx_offset AS low,
       pg_snapshot_xmax(s.now)::text::bigint + h.tx_offset AS high,
       ARRAY(SELECT x::text::bigint + h.tx_offset FROM pg_snapshot_xip(s.now) x
             UNION SELECT pg_current_xact_id_if_assigned()::text::bigint + h.tx_offset
             WHERE pg_current_xact_id_if_assigned() IS NOT NULL ORDER BY 1) AS open
FROM (SELECT pg_current_snapshot() AS now) s, house h
