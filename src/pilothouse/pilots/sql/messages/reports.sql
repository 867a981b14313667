-- What the people of the account reported since the activation, by kind.
SELECT kind, count(*) AS n FROM report
WHERE tenant = %(tenant)s AND program IN (%(program)s, '') AND (%(since)s::timestamptz IS NULL OR sent_at >= %(since)s)
GROUP BY kind ORDER BY n DESC, kind
