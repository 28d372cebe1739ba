-- Lists and maps are stored as text, each in a column of its own: x$ for fact x.  Older rows keep their values in x, and older
-- workers continue to write them there.
DO $$
DECLARE fact record;
BEGIN
    FOR fact IN SELECT attname, col_description(attrelid, attnum) AS text FROM pg_attribute
                WHERE attrelid = 'cases'::regclass AND attnum > 0 AND NOT attisdropped
                  AND atttypid IN ('text[]'::regtype, 'jsonb'::regtype)
                ORDER BY attnum LOOP
        EXECUTE format('ALTER TABLE cases ADD COLUMN %I text', fact.attname || '$');
        EXECUTE format('COMMENT ON COLUMN cases.%I IS %L', fact.attname || '$', fact.text);
    END LOOP;
END $$;
