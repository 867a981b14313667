-- The terms in force, those first that this market's newest deals are made with, then those of its own country.
SELECT t.name, t.body ->> 'currency' AS unit
FROM terms t
LEFT JOIN (
    SELECT d.template, count(*) AS deals
    FROM (SELECT x.template FROM deal x WHERE x.tenant = %(tenant)s ORDER BY x.id DESC LIMIT %(newest)s) d
    GROUP BY d.template
) made ON made.template = t.name
WHERE t.kind = 'deal_template' AND t.state = 'published'
ORDER BY coalesce(made.deals, 0) DESC, (t.body ->> 'country' = %(country)s) DESC, t.name
