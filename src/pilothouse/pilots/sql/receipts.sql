SELECT r.about, r.email, r.subjects, r.notice, n.state, n.ended_at, n.last_error AS error
FROM rollback_receipt r LEFT JOIN notice n ON n.public_id = r.notice
WHERE r.rollback_id = %(rollback)s ORDER BY r.about DESC, r.email
