-- Up to which transaction the balances of sealed days may stand for the rows of a cut: all below it were finished, and none
-- was recorded after it. Where no later block has rows of the unit, up to the tenant's last block below the cut.
WITH days AS (
    SELECT coalesce(max(to_tx), 0) AS through FROM sealed_day
    WHERE tenant = %(tenant)s AND unit = %(unit)s AND to_tx <= %(low)s AND recorded_to <= %(as_of)s
)
SELECT greatest(d.through, CASE WHEN NOT EXISTS (
    SELECT FROM sealed_day l WHERE l.tenant = %(tenant)s AND l.unit = %(unit)s AND l.to_tx > d.through
) THEN (
    SELECT s.to_tx FROM seal s WHERE s.tenant = %(tenant)s AND s.stream = 'ledger' AND s.to_tx <= %(low)s
    ORDER BY s.n DESC LIMIT 1
) END) AS through
FROM days d
