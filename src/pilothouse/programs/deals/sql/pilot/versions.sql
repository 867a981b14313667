-- The published versions of one template, the oldest first.
SELECT version, body, note FROM terms
WHERE kind = 'deal_template' AND name = %(template)s AND state <> 'draft' ORDER BY version
