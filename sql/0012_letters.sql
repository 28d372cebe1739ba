-- A dead letter keeps what its end depends on: when its case was accepted, which is the day that a retry decides it
-- for; the digest of what was sent, so that only an outcome of the same content supersedes it; and whether a
-- reapplication made it, whose case has its intake outcome all the time.

ALTER TABLE dead_letters
    ADD COLUMN received_at timestamptz,
    ADD COLUMN digest uuid,
    ADD COLUMN reapplied boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN dead_letters.received_at IS 'When the broker accepted the batch in which it first came; null of letters from before this column.';
COMMENT ON COLUMN dead_letters.digest IS 'As in cases, of what was sent; null where nobody could read it.';
COMMENT ON COLUMN dead_letters.reapplied IS 'It is of a reapplication: its bytes name the case.';
COMMENT ON COLUMN dead_letters.reason IS 'Word of a closed list: a decoding fault, conflict, not_storable or poison; of a reapplication: not_a_triple, no_such_case, no_such_ruleset, ruleset_refused, not_allowed, not_in_schema, too_large, not_storable or digest_differs; of a retry: not_a_letter, no_such_letter, not_a_case or not_allowed.';

-- A revision that could not be read was kept as 0, which may stand.
UPDATE dead_letters SET revision = NULL WHERE reason = 'bad_revision';
UPDATE dead_letters SET reapplied = true
WHERE reason IN ('not_a_triple', 'no_such_case', 'no_such_ruleset', 'ruleset_refused', 'not_in_schema', 'digest_differs')
   OR (reason IN ('not_allowed', 'too_large', 'not_storable') AND substring(body FOR 1) = '\x93');

CREATE OR REPLACE VIEW report.dead_letters AS
    SELECT x.dead, s.name AS source, x.reason, x.path, x.expected, x.found, x.case_id, x.revision,
           x.batch, x.position, x.first_seen_at, x.last_seen_at, x.seen, x.received_at
    FROM dead_letters x JOIN sources s USING (source)
    WHERE x.resolved_at IS NULL
      AND (x.reason = 'conflict' OR (x.reapplied AND x.reason <> 'no_such_case')
           OR NOT EXISTS (SELECT FROM cases c
                          WHERE c.source = x.source AND c.case_id = x.case_id AND c.revision = x.revision
                            AND c.digest = coalesce(x.digest, c.digest)));
COMMENT ON VIEW report.dead_letters IS 'Open dead letters without their bytes: one whose case has an outcome by now, of the same content where that is known, is left out; conflicts stay until they are resolved or dropped, and what could not be reapplied.';

-- As before, and lanes that reapply wait, too: what they write beside a case that goes would stay for ever.
CREATE OR REPLACE FUNCTION purge_some(a_purge bigint, after_id text, after_revision integer, at_most integer)
RETURNS TABLE (last_id text, last_revision integer) LANGUAGE plpgsql AS $$
DECLARE
    its_source smallint;
    its_moment timestamptz;
BEGIN
    -- Lanes wait: an insert that had looked for tombstones before these were there would go in beside them.
    LOCK TABLE cases, reapplied IN SHARE ROW EXCLUSIVE MODE;
    SELECT p.source, p.received_before INTO its_source, its_moment FROM purges p WHERE p.purge = a_purge;
    RETURN QUERY
    WITH old AS MATERIALIZED (
        SELECT c.source, c.case_id, c.revision FROM cases c
        WHERE c.source = its_source AND c.received_at < its_moment
          AND (c.case_id, c.revision) > (after_id COLLATE "C", after_revision)
        ORDER BY c.source, c.case_id, c.revision LIMIT at_most
    ), gone AS (
        DELETE FROM cases c USING old
        WHERE c.source = old.source AND c.case_id = old.case_id AND c.revision = old.revision
        RETURNING c.source, c.case_id, c.revision, c.digest, c.disposition, c.agreement, c.findings, c.projected,
                  c.missing, month_number(c.reference_date) AS month
    ), tombstones AS (
        INSERT INTO purged (source, case_id, revision, digest, disposition, purge)
        SELECT g.source, g.case_id, g.revision, g.digest, g.disposition, a_purge FROM gone g
    ), outcomes AS (
        INSERT INTO tallies (commit, outcome_sources, outcome_months, outcome_agreements, outcome_dispositions, outcome_counts)
        SELECT 0, array_agg(o.source), array_agg(o.month), array_agg(o.agreement), array_agg(o.disposition), array_agg(o.n)
        FROM (SELECT g.source, g.month, g.agreement, g.disposition, -count(*)::integer AS n
              FROM gone g GROUP BY 1, 2, 3, 4) o
        HAVING count(*) > 0
    ), findings AS (
        INSERT INTO tallies (commit, finding_months, finding_codes, finding_projected, finding_counts)
        SELECT 0, array_agg(f.month), array_agg(f.finding), array_agg(f.projected), array_agg(f.n)
        FROM (SELECT g.month, x.finding, coalesce(x.projected, -1::smallint) AS projected, -count(*)::integer AS n
              FROM gone g CROSS JOIN LATERAL unnest(g.findings, g.projected) AS x (finding, projected)
              GROUP BY 1, 2, 3) f
        HAVING count(*) > 0
    ), missing AS (
        INSERT INTO tallies (commit, missing_sources, missing_paths, missing_counts, missing_firsts)
        SELECT 0, array_agg(m.source), array_agg(m.code), array_agg(m.n), array_agg(m.firsts)
        FROM (SELECT g.source, x.code, -count(*)::integer AS n, -(count(*) FILTER (WHERE x.nr = 1))::integer AS firsts
              FROM gone g CROSS JOIN LATERAL unnest(g.missing) WITH ORDINALITY AS x (code, nr) GROUP BY 1, 2) m
        HAVING count(*) > 0
    ), further AS (
        DELETE FROM reapplied r USING old
        WHERE r.source = old.source AND r.case_id = old.case_id AND r.revision = old.revision RETURNING 1
    ), letters AS (
        DELETE FROM dead_letters d USING old
        WHERE d.source = old.source AND d.case_id = old.case_id AND d.revision = old.revision RETURNING 1
    ), counted AS (
        UPDATE purges p SET cases = p.cases + (SELECT count(*) FROM gone),
                            reapplied = p.reapplied + (SELECT count(*) FROM further),
                            dead_letters = p.dead_letters + (SELECT count(*) FROM letters)
        WHERE p.purge = a_purge
    )
    SELECT o.case_id, o.revision FROM old o ORDER BY o.case_id DESC, o.revision DESC LIMIT 1;
END $$;

-- What was left so by purges before this one.
DELETE FROM reapplied r
WHERE NOT EXISTS (SELECT FROM cases c WHERE c.source = r.source AND c.case_id = r.case_id AND c.revision = r.revision);

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'casemill_worker') THEN
        GRANT SELECT (received_at) ON dead_letters TO casemill_worker;
    END IF;
END $$;
