SELECT template AS name, terms_version AS version, count(*) AS deals, count(*) FILTER (WHERE ended_at IS NULL) AS open
FROM deal GROUP BY template, terms_version
