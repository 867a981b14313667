-- A new link for an invitation that waits; nothing when it was mailed within the gap, or too often.
UPDATE invitation i
SET token_hash = %(token_hash)s, last_sent_at = c.at, sends = i.sends + 1,
    expires_at = c.at + make_interval(hours => %(hours)s)
FROM (SELECT base.clock_now() AS at) c
WHERE i.id = %(invitation)s AND i.state = 'sent' AND i.sends < %(sends_max)s
  AND i.last_sent_at <= c.at - make_interval(secs => %(gap_s)s)
RETURNING i.id, i.sends
