-- What the live process may know of batches that somebody watches: that something changed, and nothing else. One call
-- a tick for all watchers; who may watch was decided in the tenant's own scope when the stream began.
CREATE OR REPLACE FUNCTION video_versions(batches bigint[]) RETURNS TABLE (id bigint, version text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT b.id, concat_ws('.', b.state, b.pending_count, b.running_count, b.succeeded_count, b.failed_count,
                           b.cancel_requested_at, m.version)
    FROM public.batch b
    LEFT JOIN LATERAL (
        SELECT string_agg(d.state || d.attempt, ',' ORDER BY d.id) AS version
        FROM public.message m JOIN public.delivery d ON d.message_id = m.id
        WHERE m.subject_kind = 'batch' AND m.subject_id = b.id AND m.tenant = b.tenant
    ) m ON true
    WHERE b.id = ANY(batches)
$$;
ALTER FUNCTION video_versions(bigint[]) OWNER TO ph_gate;
REVOKE ALL ON FUNCTION video_versions(bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION video_versions(bigint[]) TO ph_web;
