-- Every table can be published, and nobody has a right that was not granted (roles.sql grants them).

-- A fold deletes whole rows of tallies, whichever they are, so tallies have no key.  Without an identity, a publication
-- of all tables would refuse each deletion.  The whole row as identity costs lanes nothing.
ALTER TABLE tallies REPLICA IDENTITY FULL;

-- PostgreSQL lets everybody call a new function.
DO $$
DECLARE ours regprocedure;
BEGIN
    FOR ours IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = current_schema()::regnamespace AND p.proname IN (
            'activations_notify', 'activations_sign', 'code_for', 'dead_letters_ended', 'fold_tallies', 'make_fact_view',
            'month_number', 'purge_some',
            'purged_guard', 'rebuild_rollups', 'result_fault', 'result_read',
            'rules_guard', 'rulesets_sign', 'ruleset_texts_check', 'source_for')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', ours);
    END LOOP;
END $$;

-- A caller's temporary tables must not stand in for the tables that these functions use.
DO $$
DECLARE guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['rulesets_sign()', 'activations_sign()', 'ruleset_texts_check()',
                                   'dead_letters_ended()', 'fold_tallies(integer)', 'rebuild_rollups()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', guarded, current_schema());
    END LOOP;
END $$;

-- Roles of an earlier version keep what they could do, before roles.sql is run again.
DO $$
DECLARE grantee text;
BEGIN
    FOR grantee IN SELECT rolname FROM pg_roles
                   WHERE rolname IN ('casemill_worker', 'casemill_publisher', 'casemill_reporter', 'casemill_analyst') LOOP
        IF grantee <> 'casemill_publisher' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION result_read(bytea, integer), result_fault(smallint, bigint) TO %I', grantee);
        END IF;
        IF grantee <> 'casemill_reporter' THEN
            EXECUTE format('GRANT SELECT ON ruleset_pairs TO %I', grantee);
        END IF;
        IF grantee = 'casemill_publisher' THEN
            EXECUTE format('GRANT INSERT ON ruleset_pairs TO %I', grantee);
        END IF;
    END LOOP;
END $$;
