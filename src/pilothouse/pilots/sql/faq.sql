SELECT id, program, question, answer, created_at, created_by FROM faq_entry
WHERE %(program)s = '' OR program = %(program)s ORDER BY id DESC LIMIT %(count)s
