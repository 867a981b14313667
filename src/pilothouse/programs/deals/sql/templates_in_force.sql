SELECT name FROM terms WHERE kind = 'deal_template' AND state = 'published' ORDER BY name
