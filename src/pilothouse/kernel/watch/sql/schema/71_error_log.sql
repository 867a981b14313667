-- Writes a batch of the error log; each group and each tally is in it once, sorted, so that two processes lock alike.
-- Machine time: when an error came is not a promise.
--
-- 1. A browser's error that nobody has seen counts as "more" once `room` new ones came within a day: strangers may post.
-- 2. Count each group, keep its newest example, and count its hour. 3. Add the tallies of the day.
CREATE OR REPLACE FUNCTION log_seen(errors jsonb, tallies jsonb, room integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    written integer;
    places integer;
BEGIN
    SELECT greatest(0, room - count(*)) INTO places FROM error_group
    WHERE kind = 'browser' AND first_at > statement_timestamp() - interval '1 day';
    WITH given AS (
        SELECT e.*, k.id IS NULL AND e.kind = 'browser' AS fresh
        FROM jsonb_to_recordset(errors) AS e (kind text, fingerprint text, code text, place text, words text, area text,
                                              count bigint, example jsonb)
        LEFT JOIN error_group k ON k.fingerprint = e.fingerprint
    ), placed AS (
        SELECT g.*, g.fresh AND row_number() OVER (PARTITION BY g.fresh ORDER BY g.fingerprint) > places AS is_more
        FROM given g
    ), one AS (
        SELECT CASE WHEN is_more THEN 'more' ELSE fingerprint END AS fingerprint, min(kind) AS kind,
               CASE WHEN bool_or(is_more) THEN 'more' ELSE min(code) END AS code, min(place) AS place,
               CASE WHEN bool_or(is_more) THEN 'More kinds of errors than are kept apart in one day' ELSE min(words) END AS words,
               min(area) AS area, sum(count) AS count, (array_agg(example))[1] AS example
        FROM placed GROUP BY 1
    ), kept AS (
        INSERT INTO error_group (fingerprint, kind, code, place, words, area, count, first_at, last_at, example)
        SELECT fingerprint, kind, code, place, words, area, count, statement_timestamp(), statement_timestamp(), example
        FROM one ORDER BY fingerprint
        ON CONFLICT (fingerprint) DO UPDATE SET code = excluded.code, place = excluded.place, words = excluded.words,
            count = error_group.count + excluded.count, last_at = excluded.last_at, example = excluded.example
        RETURNING id, fingerprint
    )
    INSERT INTO error_hour (group_id, hour, count)
    SELECT k.id, date_trunc('hour', statement_timestamp(), 'UTC'), o.count
    FROM kept k JOIN one o USING (fingerprint) ORDER BY k.id
    ON CONFLICT (group_id, hour) DO UPDATE SET count = error_hour.count + excluded.count;
    GET DIAGNOSTICS written = ROW_COUNT;
    INSERT INTO client_day (day, kind, place, name, count, ms, quick, slow)
    SELECT (statement_timestamp() AT TIME ZONE 'UTC')::date, t.kind, t.place, t.name, t.count, coalesce(t.ms, 0),
           coalesce(t.quick, 0), coalesce(t.slow, 0)
    FROM jsonb_to_recordset(tallies) AS t (kind text, place text, name text, count bigint, ms bigint, quick bigint,
                                           slow bigint)
    ORDER BY t.kind, t.place, t.name
    ON CONFLICT (day, kind, place, name) DO UPDATE SET count = client_day.count + excluded.count,
        ms = client_day.ms + excluded.ms, quick = client_day.quick + excluded.quick,
        slow = client_day.slow + excluded.slow;
    RETURN written;
END $$;
REVOKE ALL ON FUNCTION log_seen(jsonb, jsonb, integer) FROM PUBLIC;
ALTER FUNCTION log_seen(jsonb, jsonb, integer) OWNER TO ph_gate;
GRANT EXECUTE ON FUNCTION log_seen(jsonb, jsonb, integer) TO ph_web, ph_app, ph_ops, ph_worker;
