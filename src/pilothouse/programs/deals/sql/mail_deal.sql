SELECT d.public_id, d.tenant FROM deal_mail m JOIN deal d ON d.id = m.deal_id WHERE m.id = %(id)s
