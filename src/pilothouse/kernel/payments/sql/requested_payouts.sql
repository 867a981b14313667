SELECT r.subject FROM send_request r WHERE r.kind = 'payout' AND r.state = 'requested'
