-- A source's number is one above the highest. A sequence spent one for each lane that met a new source at the
-- same moment, and there are 32,767.

CREATE OR REPLACE FUNCTION source_for(a_name text) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE found_source smallint;
BEGIN
    LOOP
        SELECT source INTO found_source FROM sources WHERE name = a_name;
        IF FOUND THEN
            RETURN found_source;
        END IF;
        INSERT INTO sources (source, name) OVERRIDING SYSTEM VALUE
        SELECT coalesce(max(source), 0) + 1, a_name FROM sources
        ON CONFLICT DO NOTHING; -- another's number or name: look again
    END LOOP;
END $$;
COMMENT ON FUNCTION source_for(text) IS 'The number of a source; makes it when it is new, without burning numbers.';
