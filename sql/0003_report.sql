-- What reporting tools read.  The schema `report` is a contract: columns are added, never renamed.

CREATE SCHEMA report;
COMMENT ON SCHEMA report IS 'Views for reporting tools; the tables behind them may change, these do not.';

CREATE VIEW report.outcomes AS
    SELECT s.name AS source, c.case_id, c.revision, false AS reapplied, c.received_at, r.id AS ruleset,
           d.disposition, a.agreement, f.label AS reason, c.findings, c.projected,
           ARRAY(SELECT p.label FROM unnest(c.missing) WITH ORDINALITY m (code, nr)
                 JOIN codes p ON p.code = m.code ORDER BY m.nr) AS missing,
           c.reference_date, c.as_of, c.decided_at, c.commit
    FROM cases c
    JOIN sources s ON s.source = c.source
    JOIN rulesets r ON r.ruleset = c.ruleset
    JOIN codes d ON d.code = c.disposition
    JOIN codes a ON a.code = c.agreement
    JOIN codes f ON f.code = c.reason
    UNION ALL
    SELECT s.name, c.case_id, c.revision, true, i.received_at, r.id,
           d.disposition, a.agreement, f.label, c.findings, c.projected,
           ARRAY(SELECT p.label FROM unnest(c.missing) WITH ORDINALITY m (code, nr)
                 JOIN codes p ON p.code = m.code ORDER BY m.nr),
           c.reference_date, c.as_of, c.decided_at, c.commit
    FROM reapplied c
    JOIN cases i USING (source, case_id, revision)
    JOIN sources s ON s.source = c.source
    JOIN rulesets r ON r.ruleset = c.ruleset
    JOIN codes d ON d.code = c.disposition
    JOIN codes a ON a.code = c.agreement
    JOIN codes f ON f.code = c.reason;
COMMENT ON VIEW report.outcomes IS 'Every outcome: intake and reapplied.';

CREATE VIEW report.current_outcomes AS
    SELECT DISTINCT ON (source, case_id) *
    FROM report.outcomes
    ORDER BY source, case_id, revision DESC, decided_at DESC;
COMMENT ON VIEW report.current_outcomes IS 'The latest outcome of the latest revision of each case.';

CREATE VIEW report.daily_counts AS
    SELECT (c.committed_at AT TIME ZONE 'UTC')::date AS day, s.name AS source, a.agreement, d.disposition,
           sum(t.outcomes)::bigint AS outcomes
    FROM commits c
    CROSS JOIN LATERAL unnest(c.tally_sources, c.tally_agreements, c.tally_dispositions, c.tally_counts)
        AS t (source, agreement, disposition, outcomes)
    JOIN sources s ON s.source = t.source
    JOIN codes a ON a.code = t.agreement
    JOIN codes d ON d.code = t.disposition
    GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW report.daily_counts IS 'Outcomes written per UTC day, source, winning agreement and disposition; from commits, never a scan of cases.';

CREATE VIEW report.months AS
    SELECT g.month, a.agreement, d.disposition, g.outcomes
    FROM (SELECT date_trunc('month', reference_date)::date AS month, agreement, disposition,
                 count(*) AS outcomes
          FROM cases GROUP BY 1, 2, 3) g
    JOIN codes a ON a.code = g.agreement
    JOIN codes d ON d.code = g.disposition;
COMMENT ON VIEW report.months IS 'Intake outcomes by month of reference date, winning agreement and disposition; reads all of cases.';

CREATE VIEW report.findings AS
    SELECT g.month, f.agreement, f.disposition, f.label AS reason, p.disposition AS projected, g.findings
    FROM (SELECT date_trunc('month', c.reference_date)::date AS month, x.finding, x.projected,
                 count(*) AS findings
          FROM cases c CROSS JOIN LATERAL unnest(c.findings, c.projected) AS x (finding, projected)
          GROUP BY 1, 2, 3) g
    JOIN codes f ON f.code = g.finding
    LEFT JOIN codes p ON p.code = g.projected;
COMMENT ON VIEW report.findings IS 'What each agreement made of the cases, by month of reference date: one finding a case and agreement; projected is what it would be if the agreement were in force; reads all of cases.';

CREATE VIEW report.screening AS
    SELECT source, case_id, revision, agreement, reason, missing, reference_date, received_at, decided_at
    FROM report.current_outcomes
    WHERE disposition = 'screening_required';
COMMENT ON VIEW report.screening IS 'Cases an officer has to screen.';

CREATE VIEW report.missing_facts AS
    SELECT p.label AS path, s.name AS source, count(*) AS cases,
           count(*) FILTER (WHERE m.nr = 1) AS next_question
    FROM cases c
    CROSS JOIN LATERAL unnest(c.missing) WITH ORDINALITY AS m (code, nr)
    JOIN codes p ON p.code = m.code
    JOIN sources s ON s.source = c.source
    GROUP BY 1, 2;
COMMENT ON VIEW report.missing_facts IS 'Which facts outcomes miss, per source, and how often each is the next question.';

CREATE VIEW report.dead_letters AS
    SELECT x.dead, s.name AS source, x.reason, x.path, x.expected, x.found, x.case_id, x.revision,
           x.batch, x.position, x.first_seen_at, x.last_seen_at, x.seen
    FROM dead_letters x JOIN sources s USING (source)
    WHERE x.reason = 'conflict'
       OR NOT EXISTS (SELECT FROM cases c
                      WHERE c.source = x.source AND c.case_id = x.case_id AND c.revision = x.revision);
COMMENT ON VIEW report.dead_letters IS 'Open dead letters without their bytes: one whose case has an outcome by now is left out, conflicts stay.';

CREATE VIEW report.latency AS
    SELECT (committed_at AT TIME ZONE 'UTC')::date AS day, sum(cases)::bigint AS outcomes,
           max(committed_at - received_from) AS longest, avg(committed_at - received_until) AS shortest_average
    FROM commits WHERE received_from IS NOT NULL
    GROUP BY 1;
COMMENT ON VIEW report.latency IS 'Per UTC day: the longest time from acceptance to writing, and the average over transactions of their youngest case.';

CREATE VIEW report.completeness AS
    SELECT j.journal, max(j.low_water) AS done_below, max(c.committed_at) AS last_commit_at
    FROM commits c CROSS JOIN LATERAL unnest(c.journals, c.low_water) AS j (journal, low_water)
    GROUP BY 1;
COMMENT ON VIEW report.completeness IS 'Per broker journal: every batch with a smaller sequence number is in.';
