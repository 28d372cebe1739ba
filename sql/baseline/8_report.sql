-- What reporting tools read.  The schema `report` is a contract: columns are added, never renamed.

CREATE SCHEMA IF NOT EXISTS report;
COMMENT ON SCHEMA report IS 'Views for reporting tools; the tables behind them may change, these do not.';

-- The rows of both tables as they are, so that an order by key uses the two indexes and a page costs what it holds.
CREATE OR REPLACE VIEW outcome_rows AS
    SELECT source, case_id, revision, false AS reapplied, received_at, ruleset, disposition, agreement, reason,
           findings, projected, missing, reference_date, as_of, decided_at, commit FROM cases
    UNION ALL
    SELECT source, case_id, revision, true, (SELECT i.received_at FROM cases i WHERE i.source = r.source
               AND i.case_id = r.case_id AND i.revision = r.revision), ruleset, disposition, agreement, reason,
           findings, projected, missing, reference_date, as_of, decided_at, commit FROM reapplied r;
COMMENT ON VIEW outcome_rows IS 'Every outcome, in numbers: what report.outcomes names.';

CREATE OR REPLACE VIEW current_rows AS
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

CREATE OR REPLACE VIEW report.latency AS
    SELECT x.day, sum(x.outcomes)::bigint AS outcomes, max(x.longest) AS longest,
           sum(x.youngest) / sum(x.transactions)::double precision AS shortest_average
    FROM (SELECT day, outcomes, transactions, longest, youngest FROM rollup_latency
          UNION ALL
          SELECT t.day, t.cases, 1, t.committed_at - t.received_from, t.committed_at - t.received_until
          FROM tallies t WHERE t.received_from IS NOT NULL) x
    GROUP BY 1;
COMMENT ON VIEW report.latency IS 'Per UTC day of intake: the longest time from acceptance to writing, and the average over transactions of their youngest case.';

CREATE OR REPLACE VIEW report.completeness AS
    WITH said AS (
        SELECT * FROM journal_words
        UNION ALL
        SELECT j.journal, j.low_water, j.low_water_at, t.committed_at
        FROM tallies t CROSS JOIN LATERAL unnest(t.journals, t.low_water, t.low_water_at) AS j (journal, low_water, low_water_at)),
    last AS (
        SELECT journal, max(low_water) AS low_water FROM said WHERE low_water_at IS NOT NULL GROUP BY 1)
    SELECT said.journal, max(said.low_water) AS done_below, max(said.committed_at) AS last_commit_at,
           min(said.low_water_at) FILTER (WHERE said.low_water = last.low_water) AS complete_before
    FROM said LEFT JOIN last USING (journal)
    GROUP BY 1;
COMMENT ON VIEW report.completeness IS 'Per broker journal: every batch with a smaller sequence number is in, and every case accepted before complete_before, as the broker''s clock had it when the last work was dealt; over several brokers the earliest holds. It moves with the work: a broker without any says nothing new.';
