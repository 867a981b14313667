SELECT public_id, kind, subject, words, sent_at, reply, replied_at FROM report
WHERE sent_by_id = %(person)s ORDER BY id DESC LIMIT %(count)s
