SELECT (SELECT count(*) FROM dispute WHERE state IN ('OPEN', 'RESPONDED')) AS disputes,
       (SELECT count(*) FROM timer WHERE subject_kind = 'deal' AND name = 'handover_review' AND state = 'armed') AS handovers,
       (SELECT count(*) FROM dispute
        WHERE state IN ('OPEN', 'RESPONDED') AND due_at < (SELECT base.clock_now()) + interval '12 hours') AS soon
