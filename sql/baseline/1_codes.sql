-- What the small numbers in case rows mean, the questions behind them, and the intake systems.

CREATE TABLE codes (
    code        smallint GENERATED ALWAYS AS IDENTITY (START WITH 16) PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('disposition', 'agreement', 'finding', 'path')),
    agreement   text COLLATE "C" NOT NULL DEFAULT '',
    disposition text COLLATE "C" NOT NULL DEFAULT '',
    label       text COLLATE "C" NOT NULL DEFAULT '',
    UNIQUE (kind, agreement, disposition, label)
);
COMMENT ON TABLE codes IS 'What each small number in case rows means; rows are never changed or reused.';
COMMENT ON COLUMN codes.code IS 'The number.  0 to 4 are the dispositions, from least to most adverse.';
COMMENT ON COLUMN codes.kind IS 'disposition, agreement, finding or path.';
COMMENT ON COLUMN codes.agreement IS 'Agreement id of kinds agreement and finding, else empty.';
COMMENT ON COLUMN codes.disposition IS 'Disposition of kinds disposition and finding, else empty.';
COMMENT ON COLUMN codes.label IS 'Reason label of kind finding, schema path of kind path, else empty.';

INSERT INTO codes (code, kind, disposition) OVERRIDING SYSTEM VALUE VALUES
    (0, 'disposition', 'not_subject'),
    (1, 'disposition', 'exception_applies'),
    (2, 'disposition', 'insufficient_information'),
    (3, 'disposition', 'screening_required'),
    (4, 'disposition', 'subject_to_agreement');

-- ON CONFLICT DO NOTHING alone would use up a number for each row already there, and a smallint has few.
CREATE FUNCTION code_for(a_kind text, an_agreement text, a_disposition text, a_label text)
RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE found_code smallint;
BEGIN
    LOOP
        SELECT code INTO found_code FROM codes
        WHERE kind = a_kind AND agreement = an_agreement
          AND disposition = a_disposition AND label = a_label;
        IF FOUND THEN
            RETURN found_code;
        END IF;
        INSERT INTO codes (kind, agreement, disposition, label)
        VALUES (a_kind, an_agreement, a_disposition, a_label)
        ON CONFLICT DO NOTHING;
    END LOOP;
END $$;
COMMENT ON FUNCTION code_for(text, text, text, text) IS 'The code of a meaning; makes it when it is new, without burning numbers.';

CREATE TABLE questions (
    path smallint PRIMARY KEY REFERENCES codes,
    text text NOT NULL
);
COMMENT ON TABLE questions IS 'The question to ask for each fact, as the latest published rule set has it.';
COMMENT ON COLUMN questions.path IS 'The fact (codes of kind path).';
COMMENT ON COLUMN questions.text IS 'The question.';

CREATE TABLE sources (
    source        smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text COLLATE "C" NOT NULL UNIQUE,
    first_seen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sources IS 'Intake systems, by the name the broker gives them; outlives their keys.';
COMMENT ON COLUMN sources.source IS 'Number used in case rows.';
COMMENT ON COLUMN sources.name IS 'Name from the broker''s settings, or local.';
COMMENT ON COLUMN sources.first_seen_at IS 'When its first case came.';

-- A source's number is one above the highest.  A sequence would use up one for each lane that meets a new source at the
-- same moment, and there are 32,767.

CREATE FUNCTION source_for(a_name text) RETURNS smallint LANGUAGE plpgsql AS $$
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
