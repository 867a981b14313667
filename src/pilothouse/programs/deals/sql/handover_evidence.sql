SELECT DISTINCT type FROM deal_evidence WHERE deal_id = %(deal)s AND purpose = 'handover' AND side = 'seller'
