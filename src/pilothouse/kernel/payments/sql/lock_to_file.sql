-- What is due, in no file, and can be paid. A row that a twin has put into a file meanwhile is looked at anew and left.
SELECT p.id FROM payout p
WHERE p.state = 'due' AND p.bank_file = ''
  AND EXISTS (
      SELECT FROM bank_account b
      WHERE b.tenant = p.tenant AND b.person_id = p.person_id AND b.unit = p.unit
        AND b.state = 'confirmed' AND b.usable_from <= (SELECT base.clock_now())
  )
  AND NOT EXISTS (SELECT FROM send_request r WHERE r.subject = p.public_id AND r.state = 'requested')
ORDER BY p.due_at, p.id LIMIT %(count)s FOR UPDATE OF p
