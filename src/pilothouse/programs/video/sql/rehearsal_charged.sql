-- Items of a customer that were charged for nothing, or more or less than their price, read from what was earned alone;
-- and those that ended well after their time was over, when the customer had been promised the credits back.
SELECT CASE WHEN x.charged <> x.due THEN 'charged' ELSE 'late_success' END AS "check",
       i.public_id || ' is ' || i.state || ' and was charged ' || x.charged || ' credits'
       || CASE WHEN x.charged = x.due THEN ', after its time was over' ELSE '' END AS what
FROM item i
JOIN batch b ON b.id = i.batch
CROSS JOIN LATERAL (
    SELECT coalesce(sum(t.amount) FILTER (WHERE t.credit = b.earned_account), 0) AS charged,
           CASE i.state WHEN 'succeeded' THEN b.cost ELSE 0 END AS due
    FROM transfer t WHERE t.item = i.id
) x
WHERE i.tenant = %(tenant)s
  AND (x.charged <> x.due OR i.state = 'succeeded' AND i.finished_at > i.timeout_at)
ORDER BY i.id
