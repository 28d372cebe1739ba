-- Every table can be published, and nobody has a right that was not granted.

-- Tallies have no key: a fold deletes whole rows, whichever they are.  Without an identity, a publication of all
-- tables would refuse each deletion, and no tally would ever be folded.  The whole row as identity costs lanes
-- nothing; an identity column would cost them a sequence and an index.
ALTER TABLE tallies REPLICA IDENTITY FULL;

-- PostgreSQL lets everybody call a new function, and fold_tallies runs with its owner's rights.  From now on only the
-- roles below may (sql/roles.sql); a lane under another role needs the same grants.
DO $$
DECLARE ours regprocedure;
BEGIN
    FOR ours IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = current_schema()::regnamespace AND p.proname IN (
            'activations_notify', 'activations_sign', 'code_for', 'fold_tallies', 'month_number', 'purge_some',
            'purged_guard', 'rebuild_rollups', 'rules_guard', 'rulesets_sign', 'ruleset_texts_check', 'source_for')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', ours);
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'casemill_worker') THEN
        GRANT EXECUTE ON FUNCTION source_for(text), purged_guard(), fold_tallies(integer) TO casemill_worker;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'casemill_publisher') THEN
        GRANT EXECUTE ON FUNCTION code_for(text, text, text, text) TO casemill_publisher;
    END IF;
END $$;
