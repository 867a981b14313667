-- What the hidden providers did for one account since a moment: for operators, never for customers.
SELECT count(*) AS calls, count(*) FILTER (WHERE a.reason IS NOT NULL) AS failed,
       percentile_cont(%(quantile)s) WITHIN GROUP (ORDER BY a.milliseconds) / 1000 AS seconds,
       (SELECT max(n)::float8 FROM (SELECT count(*) AS n FROM item_attempt x
        WHERE x.tenant = %(tenant)s AND x.at >= %(since)s GROUP BY x.provider) s) AS largest
FROM item_attempt a WHERE a.tenant = %(tenant)s AND a.at >= %(since)s
