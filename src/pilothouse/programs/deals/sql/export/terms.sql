SELECT t.name, t.version, t.hash, t.body FROM terms t
WHERE t.kind = 'deal_template' AND t.name = %(template)s AND t.state <> 'draft' ORDER BY t.version
