-- Group roles, to be granted to login roles.  A superuser runs this file in casemill's database after `casemill db migrate`:
--   runuser -u postgres -- psql -v ON_ERROR_STOP=1 -d casemill -f sql/roles.sql
-- Safe to run again.  A role that may create roles and owns the tables can run it, too; it gets one warning.
--   casemill_worker     lanes: append outcomes; read cases, for reapply.
--   casemill_publisher  rule sets and their activation.
--   casemill_operator   dead letters: list, show, retry, drop; each action is recorded with the login name, also pause,
--                       drain, resume and retire of a broker.
--   casemill_reporter   the views of schema report without facts, nothing else.
--   casemill_analyst    what a reporter reads, and facts, which are personal data: report.cases, explain, replay, trace.
-- This file grants all the rights that they need: PUBLIC's other rights can be revoked, and PUBLIC has no right to
-- a function of casemill.

BEGIN;
DO $$
BEGIN
    IF to_regclass('cases') IS NULL OR to_regclass('report.months') IS NULL THEN
        RAISE EXCEPTION 'database "%" has no tables of casemill: give its name to psql (-d), or run casemill db migrate first',
            current_database();
    END IF;
END $$;

DO $$
DECLARE wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['casemill_worker', 'casemill_publisher', 'casemill_operator', 'casemill_reporter',
                                  'casemill_analyst'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
    END LOOP;
END $$;

-- Lanes settle duplicates in temporary tables.
DO $$
DECLARE grantee text;
BEGIN
    FOREACH grantee IN ARRAY ARRAY['casemill_worker', 'casemill_publisher', 'casemill_operator', 'casemill_reporter',
                                   'casemill_analyst'] LOOP
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), grantee);
        IF grantee <> 'casemill_reporter' THEN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), grantee);
        END IF;
    END LOOP;
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO casemill_worker', current_database());
END $$;
GRANT EXECUTE ON FUNCTION source_for(text), purged_guard(), fold_tallies(integer), rules_guard(smallint, text, interval)
    TO casemill_worker;
GRANT EXECUTE ON FUNCTION result_read(bytea, integer), result_fault(smallint, bigint) TO casemill_worker, casemill_reporter;
GRANT EXECUTE ON FUNCTION code_for(text, text, text, text) TO casemill_publisher;

-- The server's log would quote refused rows and the bytes of dead letters; lanes with this right turn that off.
DO $$
BEGIN
    GRANT USAGE ON LANGUAGE plpgsql TO casemill_worker;
    GRANT SET ON PARAMETER log_min_error_statement, log_error_verbosity TO casemill_worker;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'not a superuser: ask one to set log_min_error_statement = panic and log_error_verbosity = terse for this database';
END $$;

GRANT INSERT ON cases, reapplied, commits, tallies TO casemill_worker;
-- Intake reads only (source, case_id, revision, digest, disposition) of cases: that narrower right is enough
-- without reapply, which is then refused.
GRANT SELECT ON cases TO casemill_worker;
GRANT SELECT (source, case_id, revision, ruleset, disposition) ON reapplied TO casemill_worker;
GRANT SELECT ON purged TO casemill_worker;
GRANT INSERT, UPDATE (seen, last_seen_at), SELECT (source, raw_hash, reason, seen, last_seen_at) ON dead_letters TO casemill_worker;
-- A retry reads the dead letter and resolves it: without these two rights it is refused, and intake continues.
GRANT SELECT (dead, first_seen_at, received_at, body, resolved_at), UPDATE (resolved_at, resolved_by) ON dead_letters TO casemill_worker;
GRANT SELECT, INSERT ON sources TO casemill_worker;
GRANT SELECT ON rulesets, ruleset_texts, ruleset_pairs, activations, active_ruleset, codes, schema_migrations TO casemill_worker;

GRANT SELECT, INSERT ON rulesets, ruleset_texts, ruleset_pairs, activations, codes TO casemill_publisher;
GRANT SELECT, INSERT, UPDATE (text) ON questions TO casemill_publisher;
GRANT SELECT ON active_ruleset, schema_migrations, rule_policy TO casemill_publisher;
GRANT INSERT (kind, why, login, host, subject) ON operator_actions TO casemill_publisher;

GRANT SELECT, DELETE ON dead_letters TO casemill_operator;
GRANT SELECT, INSERT (kind, why, letters, login, host, key, subject, journal, until) ON operator_actions TO casemill_operator;
GRANT SELECT (source, case_id, revision, agreement) ON cases TO casemill_operator;
GRANT SELECT ON sources, codes, schema_migrations TO casemill_operator;
GRANT USAGE ON SCHEMA report TO casemill_operator;
GRANT SELECT ON report.dead_letters TO casemill_operator;

GRANT USAGE ON SCHEMA report TO casemill_reporter;
GRANT SELECT ON ALL TABLES IN SCHEMA report TO casemill_reporter;
REVOKE SELECT ON report.cases FROM casemill_reporter;

GRANT casemill_reporter TO casemill_analyst;
GRANT SELECT ON report.cases TO casemill_analyst;
GRANT SELECT ON cases, reapplied, rulesets, ruleset_texts, ruleset_pairs, activations, active_ruleset, codes, sources,
    schema_migrations TO casemill_analyst;
-- For trace: never the bytes of a dead letter.
GRANT SELECT ON commits, purged, purges, operator_actions TO casemill_analyst;
GRANT SELECT (dead, source, reason, path, case_id, revision, batch, position, received_at, first_seen_at, last_seen_at, seen,
              commit, resolved_at, resolved_by, reapplied) ON dead_letters TO casemill_analyst;
COMMIT;
