-- The source's name for batches. The three amounts stand apart: reserved and settled as the batch's row counts them,
-- refunded summed from the ledger's own entries, in flight from the open items; so a difference shows. The stored text
-- id is the key, so WHERE id = uses its index.
CREATE VIEW batch_jobs WITH (security_invoker = true) AS
SELECT b.public_id AS id,
       t.public_id AS user_id,
       b.request_id,
       b.state AS status,
       b.total AS total_count,
       b.succeeded_count AS success_count,
       b.failed_count,
       b.cost AS cost_per_video,
       b.reserved AS frozen_credits,
       b.settled AS credits_spent,
       (SELECT coalesce(sum(x.amount), 0) FROM journal j JOIN transfer x ON x.journal = j.id
        WHERE j.tenant = b.tenant AND j.ref_id = b.public_id AND x.kind = 'refund')::bigint AS refunded_credits,
       ((b.pending_count + b.running_count) * b.cost)::bigint AS in_flight_credits,
       b.webhook_url,
       -- The latest delivery of this batch's completion tells; before there is one, nothing is due yet.
       coalesce((SELECT d.state FROM message m JOIN delivery d ON d.message_id = m.id
                 WHERE m.subject_id = b.id AND m.subject_kind = 'batch' AND m.type = 'batch.completed'
                   AND m.tenant = b.tenant
                 ORDER BY d.id DESC LIMIT 1),
                CASE WHEN b.state = 'completed' THEN 'none' ELSE 'pending' END) AS webhook_status,
       b.created_at,
       b.completed_at
FROM batch b JOIN tenant t ON t.id = b.tenant;

REVOKE ALL ON batch_jobs FROM PUBLIC, ph_web, ph_app, ph_ops, ph_worker, ph_backup;
GRANT SELECT ON batch_jobs TO ph_app, ph_ops, ph_worker, ph_backup;
