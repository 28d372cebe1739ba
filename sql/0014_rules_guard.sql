-- A lane's own transaction asks whether it decided under the rules in force.  What a worker was told of them may be
-- late, or come from a server that is not the primary any more, where the same number may mean another rule set.

CREATE INDEX activations_by_moment ON activations (active_from, activation);
COMMENT ON INDEX activations_by_moment IS 'Which rule set is in force, and which was, at a moment.';

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

-- Only lanes ask.
REVOKE ALL ON FUNCTION rules_guard(smallint, text, interval) FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'casemill_worker') THEN
        GRANT EXECUTE ON FUNCTION rules_guard(smallint, text, interval) TO casemill_worker;
    END IF;
END $$;
