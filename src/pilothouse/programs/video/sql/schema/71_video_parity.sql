-- All that a batch's fingerprint is computed from, and the bytes of each video that the embedded renderer made: the one
-- provider that gives the same bytes for the same input. No provider is named.
CREATE OR REPLACE FUNCTION parity_side(asked bigint) RETURNS jsonb LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_build_object(
        'entry', b.entry, 'versions', b.versions, 'terms', b.terms_hash, 'fingerprint', b.fingerprint,
        'items', (SELECT jsonb_agg(jsonb_build_object(
                      'params', i.params, 'image_sha256', i.image_sha256, 'fingerprint', i.fingerprint,
                      'media_sha256', CASE WHEN i.state = 'succeeded' AND i.provider = 'local' THEN i.media_sha256 END
                  ) ORDER BY i.position)
                  FROM item i WHERE i.batch = b.id AND i.tenant = b.tenant))
    FROM batch b WHERE b.id = asked
$$;

-- A proof of parity is what the rows are. Both batches are there, of the proof's own account, ended, and came in by two
-- ways; fingerprints and media are copied from them; a verdict is never better than they are. What the rows cannot tell,
-- that a stored fingerprint is the one of its parameters, the command computes: it may find worse.
CREATE OR REPLACE FUNCTION parity_proof_of_batches() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    one batch;
    other batch;
    asked_alike boolean;
    found text;
BEGIN
    SELECT * INTO one FROM batch WHERE tenant = NEW.tenant AND public_id = NEW.first;
    SELECT * INTO other FROM batch WHERE tenant = NEW.tenant AND public_id = NEW.second;
    IF one.id IS NULL OR other.id IS NULL THEN
        RAISE EXCEPTION 'a proof compares two batches of its own account' USING ERRCODE = 'PH003';
    ELSIF one.state <> 'completed' OR other.state <> 'completed' THEN
        RAISE EXCEPTION 'a proof compares batches that have ended' USING ERRCODE = 'PH003';
    ELSIF one.entry = 'api' OR other.entry <> 'api' THEN
        RAISE EXCEPTION 'a proof compares a batch of a page or the demo with one of the API' USING ERRCODE = 'PH003';
    END IF;
    NEW.first_fingerprint := one.fingerprint;
    NEW.second_fingerprint := other.fingerprint;
    NEW.body := jsonb_build_object('first', parity_side(one.id), 'second', parity_side(other.id));
    SELECT count(*), count(*) FILTER (WHERE a.media_sha256 = b.media_sha256)
    INTO NEW.media_compared, NEW.media_equal
    FROM item a JOIN item b ON b.batch = other.id AND b.position = a.position AND b.fingerprint = a.fingerprint
    WHERE a.batch = one.id AND a.state = 'succeeded' AND b.state = 'succeeded'
      AND a.provider = 'local' AND b.provider = 'local';
    asked_alike := one.total = other.total AND one.terms_hash = other.terms_hash AND NOT EXISTS (
        SELECT FROM item a JOIN item b ON b.batch = other.id AND b.position = a.position
        WHERE a.batch = one.id AND (a.params, a.image_sha256) IS DISTINCT FROM (b.params, b.image_sha256));
    found := CASE
        WHEN NEW.media_equal <> NEW.media_compared THEN 'fail'
        WHEN one.versions <> other.versions OR NOT asked_alike THEN 'inconclusive'
        WHEN one.fingerprint <> other.fingerprint THEN 'fail'
        ELSE 'pass' END;
    IF NEW.state NOT IN (found, 'fail') THEN
        RAISE EXCEPTION 'the batches of this proof say %, not %', found, NEW.state USING ERRCODE = 'PH003';
    END IF;
    NEW.is_checked := true;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER parity_proof_of_batches BEFORE INSERT ON parity_proof
    FOR EACH ROW WHEN (NEW.program = 'video') EXECUTE FUNCTION parity_proof_of_batches();
