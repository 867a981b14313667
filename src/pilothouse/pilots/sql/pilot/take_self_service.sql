INSERT INTO self_service_grant (tenant, pilot_id) VALUES (%(tenant)s, %(pilot)s)
