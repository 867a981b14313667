-- Every reversal turns round exactly the transfers of the journal that it names
WITH reversal AS (
    SELECT j.id, j.tenant, j.reverses FROM journal j WHERE j.reverses IS NOT NULL
), given AS (
    SELECT r.id, t.debit, t.credit, sum(t.amount) AS amount
    FROM reversal r JOIN transfer t ON t.journal = r.id GROUP BY r.id, t.debit, t.credit
), owed AS (
    SELECT r.id, t.credit AS debit, t.debit AS credit, sum(t.amount) AS amount
    FROM reversal r JOIN transfer t ON t.journal = r.reverses GROUP BY r.id, t.credit, t.debit
)
SELECT DISTINCT r.tenant, r.id AS journal, r.reverses
FROM given g FULL JOIN owed o USING (id, debit, credit) JOIN reversal r USING (id)
WHERE g.amount IS DISTINCT FROM o.amount
