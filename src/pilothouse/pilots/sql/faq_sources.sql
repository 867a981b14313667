SELECT r.faq_id AS faq, r.public_id, r.program, r.subject, n.name AS tenant_name
FROM report r JOIN tenant n ON n.id = r.tenant
WHERE r.faq_id IN (SELECT id FROM faq_entry ORDER BY id DESC LIMIT %(count)s) ORDER BY r.id
