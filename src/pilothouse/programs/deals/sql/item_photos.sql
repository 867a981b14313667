SELECT e.id, f.sha256 FROM deal_evidence e JOIN file f ON f.id = e.file_id
WHERE e.deal_id = %(deal)s AND e.purpose = 'item' AND e.type = 'PHOTO' ORDER BY e.id
