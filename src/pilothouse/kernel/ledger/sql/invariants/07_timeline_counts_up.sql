-- Every subject's timeline counts 1, 2, 3 … without a gap or a repeat
SELECT min(e.tenant) AS tenant, e.subject_kind, e.subject_id, count(*) AS events, max(e.seq) AS last_seq
FROM event e
GROUP BY e.subject_kind, e.subject_id
HAVING min(e.seq) <> 1 OR max(e.seq) <> count(*) OR count(DISTINCT e.seq) <> count(*)
