-- Activation is audited by the database itself: who, when and what was active before are written by a trigger,
-- whatever a client sends.  Where two_person is on, nobody activates what they published.  The owner of the
-- tables turns it on: UPDATE rule_policy SET two_person = true.

CREATE TABLE rule_policy (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    two_person boolean NOT NULL DEFAULT false
);
INSERT INTO rule_policy DEFAULT VALUES;
COMMENT ON TABLE rule_policy IS 'Settings of the rule set''s life; one row, changed by the owner of the tables alone.';
COMMENT ON COLUMN rule_policy.only_row IS 'Keeps the table to one row.';
COMMENT ON COLUMN rule_policy.two_person IS 'Whether a rule set must be activated by another role than the one that published it.';

ALTER TABLE activations ADD CONSTRAINT activations_why CHECK (btrim(why) <> '');

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

-- A text that is not what its name says would be decided by one person and approved by another as something else.
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

-- A caller's temporary tables must not stand in for these.
DO $$
DECLARE signer text;
BEGIN
    FOREACH signer IN ARRAY ARRAY['rulesets_sign', 'activations_sign', 'ruleset_texts_check'] LOOP
        EXECUTE format('ALTER FUNCTION %I() SET search_path = %I, pg_temp', signer, current_schema());
    END LOOP;
END $$;
