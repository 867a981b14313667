-- The source's name for the per-call log. Rows follow the reader's own rights.
CREATE OR REPLACE VIEW enterprise_api_usage WITH (security_invoker = true) AS
SELECT u.id, t.public_id AS user_id, k.public_id AS key_id, k.name AS key_name, u.actor, u.method, u.path AS endpoint,
       u.status, u.milliseconds, u.request_id, u.ip_hash, u.at AS created_at
FROM api_usage u
JOIN tenant t ON t.id = u.tenant
LEFT JOIN enterprise_api_keys k ON k.id = u.key AND k.tenant = u.tenant;
GRANT SELECT ON enterprise_api_usage TO ph_app, ph_ops, ph_worker, ph_backup;
