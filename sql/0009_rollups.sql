-- What reports count is counted where it is written: a lane adds one row of tallies to its transaction, which nobody
-- else touches; fold_tallies() later moves tallies into rollups.  A view adds up both, so that it is exact however
-- long nobody folded, and never reads cases.

CREATE TABLE tallies (
    commit               bigint NOT NULL,
    day                  date,
    outcome_sources      smallint[] NOT NULL DEFAULT '{}',
    outcome_months       integer[] NOT NULL DEFAULT '{}',
    outcome_agreements   smallint[] NOT NULL DEFAULT '{}',
    outcome_dispositions smallint[] NOT NULL DEFAULT '{}',
    outcome_counts       integer[] NOT NULL DEFAULT '{}',
    finding_months       integer[] NOT NULL DEFAULT '{}',
    finding_codes        smallint[] NOT NULL DEFAULT '{}',
    finding_projected    smallint[] NOT NULL DEFAULT '{}',
    finding_counts       integer[] NOT NULL DEFAULT '{}',
    missing_sources      smallint[] NOT NULL DEFAULT '{}',
    missing_paths        smallint[] NOT NULL DEFAULT '{}',
    missing_counts       integer[] NOT NULL DEFAULT '{}',
    missing_firsts       integer[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE tallies IS 'What a lane''s transaction adds to the rollups, or a piece of a purge takes away; gone when it is folded.';
COMMENT ON COLUMN tallies.commit IS 'The lane transaction (commits); 0 of a purge.';
COMMENT ON COLUMN tallies.day IS 'UTC day of the transaction; null of a purge, which leaves what was counted by day.';
COMMENT ON COLUMN tallies.outcome_sources IS 'Parallel arrays of intake outcomes: source,';
COMMENT ON COLUMN tallies.outcome_months IS 'month of the reference date, counted from 2000-01,';
COMMENT ON COLUMN tallies.outcome_agreements IS 'winning agreement (codes),';
COMMENT ON COLUMN tallies.outcome_dispositions IS 'disposition (codes 0 to 4)';
COMMENT ON COLUMN tallies.outcome_counts IS 'and how many.';
COMMENT ON COLUMN tallies.finding_months IS 'Parallel arrays of findings: month as above,';
COMMENT ON COLUMN tallies.finding_codes IS 'finding (codes),';
COMMENT ON COLUMN tallies.finding_projected IS 'projected finding, -1 where there is none,';
COMMENT ON COLUMN tallies.finding_counts IS 'and how many.';
COMMENT ON COLUMN tallies.missing_sources IS 'Parallel arrays of missing facts: source,';
COMMENT ON COLUMN tallies.missing_paths IS 'path (codes),';
COMMENT ON COLUMN tallies.missing_counts IS 'in how many cases,';
COMMENT ON COLUMN tallies.missing_firsts IS 'and in how many of them it is the next question.';

CREATE TABLE rollup_days (
    day         date NOT NULL,
    source      smallint NOT NULL,
    agreement   smallint NOT NULL,
    disposition smallint NOT NULL,
    outcomes    bigint NOT NULL,
    PRIMARY KEY (day, source, agreement, disposition)
) WITH (fillfactor = 50);
COMMENT ON TABLE rollup_days IS 'Folded tallies: intake outcomes written per UTC day; a purge leaves them.';
COMMENT ON COLUMN rollup_days.day IS 'UTC day of writing.';
COMMENT ON COLUMN rollup_days.source IS 'Source (sources).';
COMMENT ON COLUMN rollup_days.agreement IS 'Winning agreement (codes).';
COMMENT ON COLUMN rollup_days.disposition IS 'Disposition (codes 0 to 4).';
COMMENT ON COLUMN rollup_days.outcomes IS 'How many.';

CREATE TABLE rollup_months (
    month       integer NOT NULL,
    agreement   smallint NOT NULL,
    disposition smallint NOT NULL,
    outcomes    bigint NOT NULL,
    PRIMARY KEY (month, agreement, disposition)
) WITH (fillfactor = 50);
COMMENT ON TABLE rollup_months IS 'Folded tallies: intake outcomes of the cases that are kept, by month of reference date.';
COMMENT ON COLUMN rollup_months.month IS 'As in tallies.';
COMMENT ON COLUMN rollup_months.agreement IS 'Winning agreement (codes).';
COMMENT ON COLUMN rollup_months.disposition IS 'Disposition (codes 0 to 4).';
COMMENT ON COLUMN rollup_months.outcomes IS 'How many.';

CREATE TABLE rollup_findings (
    month     integer NOT NULL,
    finding   smallint NOT NULL,
    projected smallint NOT NULL,
    findings  bigint NOT NULL,
    PRIMARY KEY (month, finding, projected)
) WITH (fillfactor = 50);
COMMENT ON TABLE rollup_findings IS 'Folded tallies: findings of intake outcomes of the cases that are kept.';
COMMENT ON COLUMN rollup_findings.month IS 'As in tallies.';
COMMENT ON COLUMN rollup_findings.finding IS 'Finding (codes).';
COMMENT ON COLUMN rollup_findings.projected IS 'Projected finding, -1 where there is none.';
COMMENT ON COLUMN rollup_findings.findings IS 'How many.';

CREATE TABLE rollup_missing (
    source        smallint NOT NULL,
    path          smallint NOT NULL,
    cases         bigint NOT NULL,
    next_question bigint NOT NULL,
    PRIMARY KEY (source, path)
) WITH (fillfactor = 50);
COMMENT ON TABLE rollup_missing IS 'Folded tallies: facts that the intake outcomes of the kept cases miss.';
COMMENT ON COLUMN rollup_missing.source IS 'Source (sources).';
COMMENT ON COLUMN rollup_missing.path IS 'Path (codes).';
COMMENT ON COLUMN rollup_missing.cases IS 'In how many cases.';
COMMENT ON COLUMN rollup_missing.next_question IS 'In how many of them it is asked first.';

CREATE TABLE folds (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    folded_at timestamptz
);
COMMENT ON TABLE folds IS 'One row: whoever holds its lock folds, nobody waits for it.';
COMMENT ON COLUMN folds.one IS 'True.';
COMMENT ON COLUMN folds.folded_at IS 'When tallies were folded the last time.';
INSERT INTO folds DEFAULT VALUES;

CREATE FUNCTION month_number(a_day date) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT (extract(year FROM a_day) * 12 + extract(month FROM a_day))::integer - 24001
$$;
COMMENT ON FUNCTION month_number(date) IS 'Months from 2000-01 to the month of a day.';

-- Each tally is taken by one fold: whoever deletes a row adds it, in the same statement.
CREATE FUNCTION fold_tallies(at_most integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE folded integer;
BEGIN
    PERFORM FROM folds FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    WITH taken AS (
        DELETE FROM tallies WHERE ctid = ANY (ARRAY(SELECT t.ctid FROM tallies t LIMIT at_most)) RETURNING *
    ), outcomes AS MATERIALIZED (
        SELECT t.day, o.source, o.month, o.agreement, o.disposition, sum(o.n)::bigint AS n
        FROM taken t CROSS JOIN LATERAL unnest(t.outcome_sources, t.outcome_months, t.outcome_agreements,
            t.outcome_dispositions, t.outcome_counts) AS o (source, month, agreement, disposition, n)
        GROUP BY 1, 2, 3, 4, 5
    ), days AS (
        INSERT INTO rollup_days AS r (day, source, agreement, disposition, outcomes)
        SELECT day, source, agreement, disposition, sum(n) FROM outcomes WHERE day IS NOT NULL GROUP BY 1, 2, 3, 4
        ON CONFLICT (day, source, agreement, disposition) DO UPDATE SET outcomes = r.outcomes + excluded.outcomes
    ), months AS (
        INSERT INTO rollup_months AS r (month, agreement, disposition, outcomes)
        SELECT month, agreement, disposition, sum(n) FROM outcomes GROUP BY 1, 2, 3
        ON CONFLICT (month, agreement, disposition) DO UPDATE SET outcomes = r.outcomes + excluded.outcomes
    ), findings AS (
        INSERT INTO rollup_findings AS r (month, finding, projected, findings)
        SELECT f.month, f.finding, f.projected, sum(f.n)
        FROM taken t CROSS JOIN LATERAL unnest(t.finding_months, t.finding_codes, t.finding_projected, t.finding_counts)
            AS f (month, finding, projected, n)
        GROUP BY 1, 2, 3
        ON CONFLICT (month, finding, projected) DO UPDATE SET findings = r.findings + excluded.findings
    ), missing AS (
        INSERT INTO rollup_missing AS r (source, path, cases, next_question)
        SELECT m.source, m.path, sum(m.n), sum(m.firsts)
        FROM taken t CROSS JOIN LATERAL unnest(t.missing_sources, t.missing_paths, t.missing_counts, t.missing_firsts)
            AS m (source, path, n, firsts)
        GROUP BY 1, 2
        ON CONFLICT (source, path) DO UPDATE SET cases = r.cases + excluded.cases,
                                                 next_question = r.next_question + excluded.next_question
    )
    SELECT count(*) INTO folded FROM taken;
    IF folded > 0 THEN
        UPDATE folds SET folded_at = clock_timestamp();
    END IF;
    RETURN folded;
END $$;
COMMENT ON FUNCTION fold_tallies(integer) IS 'Moves at most so many tallies into the rollups; how many it were, 0 when another is at it.';

-- From cases and commits, whatever was counted before; lanes wait for as long as it takes.
CREATE FUNCTION rebuild_rollups() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE cases IN SHARE ROW EXCLUSIVE MODE;
    PERFORM FROM folds FOR UPDATE;
    DELETE FROM tallies;
    DELETE FROM rollup_days;
    DELETE FROM rollup_months;
    DELETE FROM rollup_findings;
    DELETE FROM rollup_missing;
    INSERT INTO rollup_days (day, source, agreement, disposition, outcomes)
        SELECT (c.committed_at AT TIME ZONE 'UTC')::date, t.source, t.agreement, t.disposition, sum(t.n)
        FROM commits c CROSS JOIN LATERAL unnest(c.tally_sources, c.tally_agreements, c.tally_dispositions, c.tally_counts)
            AS t (source, agreement, disposition, n)
        WHERE c.mode = 'intake' GROUP BY 1, 2, 3, 4;
    INSERT INTO rollup_months (month, agreement, disposition, outcomes)
        SELECT month_number(c.reference_date), c.agreement, c.disposition, count(*) FROM cases c GROUP BY 1, 2, 3;
    INSERT INTO rollup_findings (month, finding, projected, findings)
        SELECT month_number(c.reference_date), x.finding, coalesce(x.projected, -1), count(*)
        FROM cases c CROSS JOIN LATERAL unnest(c.findings, c.projected) AS x (finding, projected) GROUP BY 1, 2, 3;
    INSERT INTO rollup_missing (source, path, cases, next_question)
        SELECT c.source, m.code, count(*), count(*) FILTER (WHERE m.nr = 1)
        FROM cases c CROSS JOIN LATERAL unnest(c.missing) WITH ORDINALITY AS m (code, nr) GROUP BY 1, 2;
END $$;
COMMENT ON FUNCTION rebuild_rollups() IS 'Counts all cases anew: after a worker of an earlier version wrote without tallies.';
SELECT rebuild_rollups();

CREATE INDEX cases_screening ON cases (source, case_id, revision) WHERE disposition = 3;
CREATE INDEX reapplied_screening ON reapplied (source, case_id, revision) WHERE disposition = 3;

-- As before, and what goes leaves the rollups, too.
CREATE OR REPLACE FUNCTION purge_some(a_purge bigint, after_id text, after_revision integer, at_most integer)
RETURNS TABLE (last_id text, last_revision integer) LANGUAGE plpgsql AS $$
DECLARE
    its_source smallint;
    its_moment timestamptz;
BEGIN
    -- Lanes wait: an insert that had looked for tombstones before these were there would go in beside them.
    LOCK TABLE cases IN SHARE ROW EXCLUSIVE MODE;
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

CREATE OR REPLACE VIEW report.daily_counts AS
    SELECT n.day, s.name AS source, a.agreement, d.disposition, n.outcomes
    FROM (SELECT x.day, x.source, x.agreement, x.disposition, sum(x.n)::bigint AS outcomes
          FROM (SELECT day, source, agreement, disposition, outcomes AS n FROM rollup_days
                UNION ALL
                SELECT t.day, o.source, o.agreement, o.disposition, o.n
                FROM tallies t CROSS JOIN LATERAL unnest(t.outcome_sources, t.outcome_agreements, t.outcome_dispositions,
                    t.outcome_counts) AS o (source, agreement, disposition, n)
                WHERE t.day IS NOT NULL) x
          GROUP BY 1, 2, 3, 4) n
    JOIN sources s ON s.source = n.source
    JOIN codes a ON a.code = n.agreement
    JOIN codes d ON d.code = n.disposition;
COMMENT ON VIEW report.daily_counts IS 'Intake outcomes written per UTC day, source, winning agreement and disposition; a purge leaves them; never a scan of cases.';

CREATE OR REPLACE VIEW report.months AS
    SELECT (date '2000-01-01' + make_interval(months => n.month))::date AS month, a.agreement, d.disposition, n.outcomes
    FROM (SELECT x.month, x.agreement, x.disposition, sum(x.n)::bigint AS outcomes
          FROM (SELECT month, agreement, disposition, outcomes AS n FROM rollup_months
                UNION ALL
                SELECT o.month, o.agreement, o.disposition, o.n
                FROM tallies t CROSS JOIN LATERAL unnest(t.outcome_months, t.outcome_agreements, t.outcome_dispositions,
                    t.outcome_counts) AS o (month, agreement, disposition, n)) x
          GROUP BY 1, 2, 3 HAVING sum(x.n) <> 0) n
    JOIN codes a ON a.code = n.agreement
    JOIN codes d ON d.code = n.disposition;
COMMENT ON VIEW report.months IS 'Intake outcomes of the cases that are kept, by month of reference date, winning agreement and disposition; never a scan of cases.';

CREATE OR REPLACE VIEW report.findings AS
    SELECT (date '2000-01-01' + make_interval(months => n.month))::date AS month, f.agreement, f.disposition,
           f.label AS reason, p.disposition AS projected, n.findings
    FROM (SELECT x.month, x.finding, x.projected, sum(x.n)::bigint AS findings
          FROM (SELECT month, finding, projected, findings AS n FROM rollup_findings
                UNION ALL
                SELECT o.month, o.finding, o.projected, o.n
                FROM tallies t CROSS JOIN LATERAL unnest(t.finding_months, t.finding_codes, t.finding_projected,
                    t.finding_counts) AS o (month, finding, projected, n)) x
          GROUP BY 1, 2, 3 HAVING sum(x.n) <> 0) n
    JOIN codes f ON f.code = n.finding
    LEFT JOIN codes p ON p.code = n.projected;
COMMENT ON VIEW report.findings IS 'What each agreement made of the cases that are kept, by month of reference date: one finding a case and agreement; projected is what it would be if the agreement were in force; never a scan of cases.';

CREATE OR REPLACE VIEW report.missing_facts AS
    SELECT p.label AS path, s.name AS source, n.cases, n.next_question
    FROM (SELECT x.source, x.path, sum(x.n)::bigint AS cases, sum(x.firsts)::bigint AS next_question
          FROM (SELECT source, path, cases AS n, next_question AS firsts FROM rollup_missing
                UNION ALL
                SELECT m.source, m.path, m.n, m.firsts
                FROM tallies t CROSS JOIN LATERAL unnest(t.missing_sources, t.missing_paths, t.missing_counts,
                    t.missing_firsts) AS m (source, path, n, firsts)) x
          GROUP BY 1, 2 HAVING sum(x.n) <> 0) n
    JOIN codes p ON p.code = n.path
    JOIN sources s ON s.source = n.source;
COMMENT ON VIEW report.missing_facts IS 'Which facts the intake outcomes of the kept cases miss, per source, and how often each is the next question; never a scan of cases.';

-- Rows of either table, plain, so that an order by key is that of the two indexes and a page costs what it holds.
CREATE VIEW outcome_rows AS
    SELECT source, case_id, revision, false AS reapplied, received_at, ruleset, disposition, agreement, reason,
           findings, projected, missing, reference_date, as_of, decided_at, commit FROM cases
    UNION ALL
    SELECT source, case_id, revision, true, (SELECT i.received_at FROM cases i WHERE i.source = r.source
               AND i.case_id = r.case_id AND i.revision = r.revision), ruleset, disposition, agreement, reason,
           findings, projected, missing, reference_date, as_of, decided_at, commit FROM reapplied r;
COMMENT ON VIEW outcome_rows IS 'Every outcome, in numbers: what report.outcomes names.';

CREATE VIEW current_rows AS
    SELECT o.* FROM outcome_rows o
    WHERE NOT EXISTS (SELECT FROM cases l WHERE l.source = o.source AND l.case_id = o.case_id AND l.revision > o.revision)
      AND NOT EXISTS (SELECT FROM cases l WHERE l.source = o.source AND l.case_id = o.case_id AND l.revision = o.revision
                        AND o.reapplied AND l.decided_at > o.decided_at)
      AND NOT EXISTS (SELECT FROM reapplied l WHERE l.source = o.source AND l.case_id = o.case_id AND l.revision = o.revision
                        AND (l.decided_at, 1, l.ruleset) > (o.decided_at, o.reapplied::integer, o.ruleset));
COMMENT ON VIEW current_rows IS 'The latest outcome of the latest revision of each case, in numbers; of two decided at the same moment the later rule set''s.';

CREATE OR REPLACE VIEW report.outcomes AS
    SELECT s.name AS source, o.case_id, o.revision, o.reapplied, o.received_at, r.id AS ruleset,
           d.disposition, a.agreement, f.label AS reason, o.findings, o.projected,
           ARRAY(SELECT p.label FROM unnest(o.missing) WITH ORDINALITY m (code, nr)
                 JOIN codes p ON p.code = m.code ORDER BY m.nr) AS missing,
           o.reference_date, o.as_of, o.decided_at, o.commit, o.source AS source_number
    FROM outcome_rows o
    LEFT JOIN sources s ON s.source = o.source
    LEFT JOIN rulesets r ON r.ruleset = o.ruleset
    LEFT JOIN codes d ON d.code = o.disposition
    LEFT JOIN codes a ON a.code = o.agreement
    LEFT JOIN codes f ON f.code = o.reason;
COMMENT ON VIEW report.outcomes IS 'Every outcome: intake and reapplied.  In pages: WHERE source_number = 1 AND case_id > the last one ORDER BY case_id LIMIT 100.';
COMMENT ON COLUMN report.outcomes.source_number IS 'The source as a number: (source_number, case_id) is the order of an index.';

CREATE OR REPLACE VIEW report.current_outcomes AS
    SELECT s.name AS source, o.case_id, o.revision, o.reapplied, o.received_at, r.id AS ruleset,
           d.disposition, a.agreement, f.label AS reason, o.findings, o.projected,
           ARRAY(SELECT p.label FROM unnest(o.missing) WITH ORDINALITY m (code, nr)
                 JOIN codes p ON p.code = m.code ORDER BY m.nr) AS missing,
           o.reference_date, o.as_of, o.decided_at, o.commit, o.source AS source_number
    FROM current_rows o
    LEFT JOIN sources s ON s.source = o.source
    LEFT JOIN rulesets r ON r.ruleset = o.ruleset
    LEFT JOIN codes d ON d.code = o.disposition
    LEFT JOIN codes a ON a.code = o.agreement
    LEFT JOIN codes f ON f.code = o.reason;
COMMENT ON VIEW report.current_outcomes IS 'The latest outcome of the latest revision of each case; in pages as report.outcomes.';
COMMENT ON COLUMN report.current_outcomes.source_number IS 'As in report.outcomes.';

CREATE OR REPLACE VIEW report.screening AS
    SELECT s.name AS source, o.case_id, o.revision, a.agreement, f.label AS reason,
           ARRAY(SELECT p.label FROM unnest(o.missing) WITH ORDINALITY m (code, nr)
                 JOIN codes p ON p.code = m.code ORDER BY m.nr) AS missing,
           o.reference_date, o.received_at, o.decided_at, o.source AS source_number
    FROM current_rows o
    LEFT JOIN sources s ON s.source = o.source
    LEFT JOIN codes a ON a.code = o.agreement
    LEFT JOIN codes f ON f.code = o.reason
    WHERE o.disposition = 3;
COMMENT ON VIEW report.screening IS 'Cases an officer has to screen; in pages as report.outcomes.';
COMMENT ON COLUMN report.screening.source_number IS 'As in report.outcomes.';

-- A caller's temporary tables must not stand in for these; lanes' role adds tallies, whoever made it before.
DO $$
DECLARE folder text;
BEGIN
    FOREACH folder IN ARRAY ARRAY['fold_tallies(integer)', 'rebuild_rollups()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', folder, current_schema());
    END LOOP;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'casemill_worker') THEN
        GRANT INSERT ON tallies TO casemill_worker;
    END IF;
END $$;
