-- The running timers of a deal and of its dispute, locked before the deal itself: whoever fires timers locks them first
-- too, so a command and a timer wait for one another and never both.
SELECT t.id FROM timer t JOIN deal d ON d.public_id = %(deal)s
WHERE t.state = 'armed' AND (t.subject_kind, t.subject_id) IN (
    ('deal', d.id), ('dispute', (SELECT p.id FROM dispute p WHERE p.deal_id = d.id)))
ORDER BY t.id FOR UPDATE OF t
