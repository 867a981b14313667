-- machine time: errors are counted by the machine's hours; everything else here is business time.
SELECT (SELECT count(*) FROM report r WHERE r.tenant = %(tenant)s AND r.replied_at >= %(since)s AND r.replied_at < %(until)s) AS answered,
       (SELECT count(*) FROM report r WHERE r.tenant = %(tenant)s AND r.replied_at IS NULL) AS waiting,
       (SELECT count(*) FROM report r WHERE r.tenant = %(tenant)s AND r.replied_at IS NULL
          AND r.sent_at < (SELECT base.clock_now()) - interval '1 day') AS late,
       (SELECT count(*) FROM report r WHERE r.tenant = %(tenant)s AND r.sent_at >= %(since)s AND r.sent_at < %(until)s) AS asked,
       (SELECT count(*) FROM feedback f WHERE f.tenant = %(tenant)s AND f.program = %(program)s
          AND f.given_at >= %(since)s AND f.given_at < %(until)s) AS feedback,
       (SELECT count(*) FROM incident i WHERE i.opened_at >= %(since)s AND i.opened_at < %(until)s
          AND i.program IN ('', %(program)s) AND (i.tenant IS NULL OR i.tenant = %(tenant)s)) AS issues,
       (SELECT count(*) FROM incident i WHERE i.opened_at >= %(since)s AND i.opened_at < %(until)s AND i.state = 'open'
          AND i.program IN ('', %(program)s) AND (i.tenant IS NULL OR i.tenant = %(tenant)s)) AS unowned,
       (SELECT count(*) FROM digest d WHERE d.plan_id = %(plan)s AND d.part = 'evening' AND d.day = %(day)s) AS sent,
       (SELECT coalesce(sum(h.count), 0)::bigint FROM error_hour h JOIN error_group g ON g.id = h.group_id
        WHERE g.kind = 'server' AND h.hour > statement_timestamp() - interval '1 day') AS server,
       (SELECT coalesce(sum(h.count), 0)::bigint FROM error_hour h JOIN error_group g ON g.id = h.group_id
        WHERE g.kind = 'browser' AND h.hour > statement_timestamp() - interval '1 day') AS browser
