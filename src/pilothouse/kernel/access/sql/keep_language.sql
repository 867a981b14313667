INSERT INTO person_language (person_id, language) VALUES (%(person)s, %(language)s)
ON CONFLICT (person_id) DO UPDATE SET language = EXCLUDED.language WHERE %(replace)s
RETURNING person_id
