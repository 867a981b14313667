SELECT n.now, (SELECT count(*) FROM report r WHERE r.sent_by_id = %(person)s AND r.sent_at > n.now - interval '1 hour') AS count
FROM (SELECT base.clock_now() AS now) n
