-- A version never changes after it was written; only its state and the dates of its state do.
CREATE OR REPLACE FUNCTION terms_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'version % of %/% cannot change', OLD.version, OLD.kind, OLD.name USING ERRCODE = 'PH002',
        HINT = 'Draft a new version.';
END $$;
CREATE OR REPLACE TRIGGER terms_frozen BEFORE UPDATE ON terms FOR EACH ROW
    WHEN ((OLD.kind, OLD.name, OLD.version, OLD.body, OLD.hash) IS DISTINCT FROM
          (NEW.kind, NEW.name, NEW.version, NEW.body, NEW.hash))
    EXECUTE FUNCTION terms_frozen();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON terms
    FOR EACH STATEMENT EXECUTE FUNCTION append_only();
