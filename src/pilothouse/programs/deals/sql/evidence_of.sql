SELECT e.id, e.purpose, e.side, e.type, e.caption, e.added_at, l.position AS line, f.public_id AS file, f.sha256,
       f.content_type, f.size_bytes, s.public_id AS thumbnail
FROM deal_evidence e
JOIN file f ON f.id = e.file_id
LEFT JOIN file s ON s.id = e.thumbnail_id
LEFT JOIN claim_line l ON l.id = e.line_id
WHERE e.deal_id = %(deal)s ORDER BY e.id
