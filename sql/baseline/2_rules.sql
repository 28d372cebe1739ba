-- Rule sets, and which one is in force.  `casemill rules publish` and `rules activate` write them; workers read them.

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

CREATE TABLE ruleset_pairs (
    ruleset   smallint NOT NULL REFERENCES rulesets,
    position  smallint NOT NULL,
    findings  smallint[] NOT NULL,
    projected smallint[] NOT NULL,
    PRIMARY KEY (ruleset, position)
);
COMMENT ON TABLE ruleset_pairs IS 'Of each agreement of a rule set the list of pairs (finding, projected finding) that a case can get; written when it is published, never changed.';
COMMENT ON COLUMN ruleset_pairs.ruleset IS 'The rule set.';
COMMENT ON COLUMN ruleset_pairs.position IS 'Position of the agreement in rulesets.agreements, from 1.';
COMMENT ON COLUMN ruleset_pairs.findings IS 'The finding of each pair (codes); the number of a pair is its index, from 0.';
COMMENT ON COLUMN ruleset_pairs.projected IS 'Parallel to findings: the projected finding, -1 where there is none.';

CREATE TABLE activations (
    activation   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ruleset      smallint NOT NULL REFERENCES rulesets,
    active_from  timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz NOT NULL DEFAULT now(),
    activated_by text NOT NULL DEFAULT current_user,
    why          text NOT NULL CONSTRAINT activations_why CHECK (btrim(why) <> ''),
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

CREATE INDEX activations_by_moment ON activations (active_from, activation);
COMMENT ON INDEX activations_by_moment IS 'Which rule set is in force, and which was, at a moment.';

CREATE VIEW active_ruleset AS
    SELECT a.activation, a.ruleset, r.id, r.engine, r.agreements, a.active_from
    FROM activations a JOIN rulesets r USING (ruleset)
    WHERE a.active_from <= now()
    ORDER BY a.active_from DESC, a.activation DESC
    LIMIT 1;
COMMENT ON VIEW active_ruleset IS 'The rule set in force now: latest active_from that has passed; no row when none is.';

-- Workers also poll.  The notification only makes a change quick.
CREATE FUNCTION activations_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('casemill_rulesets', NEW.ruleset::text);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION activations_notify() IS 'Tells listening workers that a rule set was activated.';

CREATE TRIGGER activations_notify AFTER INSERT ON activations
    FOR EACH ROW EXECUTE FUNCTION activations_notify();

-- The database itself audits activation: a trigger writes who, when, and what was active before, whatever a client
-- sends.  Where two_person is on, nobody activates what they published.  The owner of the tables turns it on:
-- UPDATE rule_policy SET two_person = true.

CREATE TABLE rule_policy (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    two_person boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE rule_policy IS 'Settings of the rule set''s life; one row, changed by the owner of the tables alone.';
COMMENT ON COLUMN rule_policy.only_row IS 'Keeps the table to one row.';
COMMENT ON COLUMN rule_policy.two_person IS 'Whether a rule set must be activated by another role than the one that published it.';

INSERT INTO rule_policy DEFAULT VALUES;

-- session_user is the role that logged in: SET ROLE does not change it.
CREATE FUNCTION rulesets_sign() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    NEW.published_at := now();
    NEW.published_by := session_user;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION rulesets_sign() IS 'Writes who published a rule set, and when.';

CREATE TRIGGER rulesets_sign BEFORE INSERT ON rulesets
    FOR EACH ROW EXECUTE FUNCTION rulesets_sign();

CREATE FUNCTION activations_sign() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE publisher text;
BEGIN
    SELECT published_by INTO publisher FROM rulesets WHERE ruleset = NEW.ruleset;
    IF publisher = session_user AND (SELECT two_person FROM rule_policy) THEN
        RAISE EXCEPTION 'role % published this rule set, so another role must activate it', session_user
            USING ERRCODE = 'insufficient_privilege', HINT = 'rule_policy.two_person is on';
    END IF;
    IF NEW.active_from < now() THEN
        RAISE EXCEPTION 'active_from % has passed: what was decided is not changed afterwards', NEW.active_from
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    NEW.activated_at := now();
    NEW.activated_by := session_user;
    NEW.previous := (SELECT ruleset FROM active_ruleset);
    RETURN NEW;
END $$;
COMMENT ON FUNCTION activations_sign() IS 'Writes who activated a rule set, when, and after which; refuses what rule_policy forbids.';

CREATE TRIGGER activations_sign BEFORE INSERT ON activations
    FOR EACH ROW EXECUTE FUNCTION activations_sign();

-- Where the text is not what its id names, one person could approve something else than another wrote.
CREATE FUNCTION ruleset_texts_check() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF encode(sha256(convert_to(NEW.body, 'UTF8')), 'hex') IS DISTINCT FROM
       (SELECT id FROM rulesets WHERE ruleset = NEW.ruleset) THEN
        RAISE EXCEPTION 'the text of rule set number % is not the one its id names', NEW.ruleset
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION ruleset_texts_check() IS 'Refuses a text whose SHA-256 is not the id of its rule set.';

CREATE TRIGGER ruleset_texts_check BEFORE INSERT ON ruleset_texts
    FOR EACH ROW EXECUTE FUNCTION ruleset_texts_check();

-- A lane's own transaction asks whether it decided under the rules in force.  What a worker knows of them may be
-- late, or come from a server that is not the primary any more, where the same number may mean another rule set.
CREATE FUNCTION rules_guard(a_ruleset smallint, an_id text, stale_after interval) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    since timestamptz := clock_timestamp() - stale_after;
BEGIN
    -- In every transaction, so in one query that is cheap: in force until then at least?
    IF (SELECT r.id = an_id FROM rulesets r WHERE r.ruleset = a_ruleset AND r.ruleset =
            (SELECT a.ruleset FROM activations a WHERE a.active_from <= since
             ORDER BY a.active_from DESC, a.activation DESC LIMIT 1)) THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM rulesets r WHERE r.ruleset = a_ruleset AND r.id = an_id) THEN
        IF NOT EXISTS (SELECT FROM activations a WHERE a.active_from <= since) THEN
            RETURN; -- no other has been due for so long
        END IF;
        -- Since then, and a little ahead of this clock; what another activation of the same moment replaced never was.
        PERFORM FROM activations a
        WHERE a.active_from > since AND a.active_from <= clock_timestamp() + stale_after AND a.ruleset = a_ruleset
          AND NOT EXISTS (SELECT FROM activations b WHERE b.active_from = a.active_from AND b.activation > a.activation);
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    RAISE EXCEPTION 'another rule set than number % has been due for longer than %', a_ruleset, stale_after
        USING ERRCODE = '55CM1', HINT = 'the worker loads the rules again by itself';
END $$;
COMMENT ON FUNCTION rules_guard(smallint, text, interval) IS 'Fails with SQLSTATE 55CM1 when by this server''s clock the rule set has been superseded for longer than that, or its number is another one''s here: a lane then decides again.';
