SELECT DISTINCT body ->> 'currency' AS unit FROM terms WHERE kind = 'deal_template' AND state = 'published'
