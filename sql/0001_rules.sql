-- Rule sets, what is active, and what every number means.  Rows here are written by
-- `casemill rules publish` and `casemill rules activate`; workers read them.

CREATE TABLE rulesets (
    ruleset      smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id           text NOT NULL UNIQUE CHECK (id ~ '^[0-9a-f]{64}$'),
    engine       integer NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now(),
    published_by text NOT NULL DEFAULT current_user,
    agreements   text[] NOT NULL
);
COMMENT ON TABLE rulesets IS 'Every rule set ever published; immutable rows.';
COMMENT ON COLUMN rulesets.ruleset IS 'Number used in case rows; never reused.';
COMMENT ON COLUMN rulesets.id IS 'SHA-256 of the canonical text, 64 lower-case hex digits.';
COMMENT ON COLUMN rulesets.engine IS 'Version of the evaluation semantics the text was checked with.';
COMMENT ON COLUMN rulesets.published_at IS 'When it was published.';
COMMENT ON COLUMN rulesets.published_by IS 'Database role that published it.';
COMMENT ON COLUMN rulesets.agreements IS 'Agreement ids in byte order: the order of findings and projected.';

CREATE TABLE ruleset_texts (
    ruleset smallint PRIMARY KEY REFERENCES rulesets,
    body    text NOT NULL
);
COMMENT ON TABLE ruleset_texts IS 'Canonical texts, apart so that lists of rule sets stay small.';
COMMENT ON COLUMN ruleset_texts.ruleset IS 'The rule set.';
COMMENT ON COLUMN ruleset_texts.body IS 'Canonical text; its SHA-256 is rulesets.id.';

CREATE TABLE activations (
    activation   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ruleset      smallint NOT NULL REFERENCES rulesets,
    active_from  timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz NOT NULL DEFAULT now(),
    activated_by text NOT NULL DEFAULT current_user,
    why          text NOT NULL,
    previous     smallint REFERENCES rulesets
);
COMMENT ON TABLE activations IS 'Append only: who made which rule set active, when, why and from when.';
COMMENT ON COLUMN activations.activation IS 'Number in order of activation.';
COMMENT ON COLUMN activations.ruleset IS 'The rule set made active.';
COMMENT ON COLUMN activations.active_from IS 'From this moment on; may lie ahead.';
COMMENT ON COLUMN activations.activated_at IS 'When the row was written.';
COMMENT ON COLUMN activations.activated_by IS 'Database role that activated it.';
COMMENT ON COLUMN activations.why IS 'Reason given by that person.';
COMMENT ON COLUMN activations.previous IS 'What was active before, null for the first.';

CREATE VIEW active_ruleset AS
    SELECT a.activation, a.ruleset, r.id, r.engine, r.agreements, a.active_from
    FROM activations a JOIN rulesets r USING (ruleset)
    WHERE a.active_from <= now()
    ORDER BY a.active_from DESC, a.activation DESC
    LIMIT 1;
COMMENT ON VIEW active_ruleset IS 'The rule set in force now: latest active_from that has passed; no row when none is.';

-- Workers also poll: the notification only makes a change quick.
CREATE FUNCTION activations_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('casemill_rulesets', NEW.ruleset::text);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION activations_notify() IS 'Tells listening workers that a rule set was activated.';
CREATE TRIGGER activations_notify AFTER INSERT ON activations
    FOR EACH ROW EXECUTE FUNCTION activations_notify();

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

-- A plain ON CONFLICT DO NOTHING would burn a number for every row already there, and a smallint has few.
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

CREATE TABLE sources (
    source        smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text COLLATE "C" NOT NULL UNIQUE,
    first_seen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sources IS 'Intake systems, by the name the broker gives them; outlives their keys.';
COMMENT ON COLUMN sources.source IS 'Number used in case rows.';
COMMENT ON COLUMN sources.name IS 'Name from the broker''s settings, or local.';
COMMENT ON COLUMN sources.first_seen_at IS 'When its first case came.';

CREATE FUNCTION source_for(a_name text) RETURNS smallint LANGUAGE plpgsql AS $$
DECLARE found_source smallint;
BEGIN
    LOOP
        SELECT source INTO found_source FROM sources WHERE name = a_name;
        IF FOUND THEN
            RETURN found_source;
        END IF;
        INSERT INTO sources (name) VALUES (a_name) ON CONFLICT DO NOTHING;
    END LOOP;
END $$;
COMMENT ON FUNCTION source_for(text) IS 'The number of a source; makes it when it is new.';
