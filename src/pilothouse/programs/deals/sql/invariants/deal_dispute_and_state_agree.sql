-- A deal is in ISSUE exactly while its dispute is open.
SELECT d.tenant, d.public_id, d.state, p.state AS dispute
FROM deal d LEFT JOIN dispute p ON p.deal_id = d.id
WHERE (d.state = 'ISSUE') IS DISTINCT FROM coalesce(p.state IN ('OPEN', 'RESPONDED'), false)
