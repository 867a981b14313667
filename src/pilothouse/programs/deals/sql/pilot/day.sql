SELECT (SELECT count(*) FROM deal d WHERE d.tenant = %(tenant)s AND d.state <> 'DRAFT'
          AND d.created_at >= %(since)s AND d.created_at < %(until)s) AS created,
       (SELECT count(*) FROM deal d WHERE d.tenant = %(tenant)s AND d.state = 'SETTLED'
          AND d.ended_at >= %(since)s AND d.ended_at < %(until)s) AS settled,
       (SELECT count(*) FROM dispute p WHERE p.tenant = %(tenant)s
          AND p.opened_at >= %(since)s AND p.opened_at < %(until)s) AS disputes
