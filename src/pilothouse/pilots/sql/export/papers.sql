-- What was sent of the pilot, as it was, with the inputs that fill it; for a customer, what was sent to them.
SELECT m.public_id, m.text, m.audience, m.channel, m.subject, m.body, m.inputs, m.inputs_sha256, m.body_sha256,
       microseconds(m.sent_at) AS sent_at
FROM pilot_message m WHERE m.pilot_id = %(pilot)s AND (%(all)s OR m.audience = 'customer') ORDER BY m.id
