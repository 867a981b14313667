SELECT count(*) FILTER (WHERE replied_at IS NULL) AS waiting,
       count(*) FILTER (WHERE kind = 'hidden_timer') AS hidden_timer,
       count(*) FILTER (WHERE kind = 'money_unclear') AS money_unclear,
       count(*) FILTER (WHERE kind = 'evidence_upload') AS evidence_upload
FROM report WHERE %(program)s = '' OR program = %(program)s
