SELECT (SELECT count(*) FROM dispute WHERE state IN ('OPEN', 'RESPONDED')) AS disputes,
       (SELECT count(*) FROM deal WHERE state = 'FUNDED' AND contested_at IS NOT NULL) AS handovers,
       (SELECT count(*) FROM dispute
        WHERE state IN ('OPEN', 'RESPONDED') AND due_at < (SELECT base.clock_now()) + interval '12 hours') AS soon
