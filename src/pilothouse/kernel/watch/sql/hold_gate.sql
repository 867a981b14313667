INSERT INTO gate_hold (gate, incident, held_at) VALUES (%(gate)s, %(incident)s, (SELECT base.clock_now()))
ON CONFLICT (gate, incident) DO NOTHING
