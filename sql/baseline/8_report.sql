-- What reporting tools read.  The schema `report` is a contract: columns are added at the end, and are never renamed, removed or
-- given another type.  tests/system/report_contract.txt lists them.  Names replace the numbers of the tables.
-- The views of schema public are not part of the contract: they keep the tables' shape away from it.

CREATE SCHEMA IF NOT EXISTS report;
COMMENT ON SCHEMA report IS 'Views for reporting tools; the tables behind them may change, these do not.';

-- A row has either `result` or the three arrays of an older worker (sql/README.md).
-- The rows of both tables as they are, so that an order by key uses the two indexes and a page costs what it holds.
CREATE OR REPLACE VIEW outcome_rows AS
    SELECT source, case_id, revision, false AS reapplied, received_at, ruleset, disposition, agreement, reason,
           findings, projected, missing, reference_date, as_of, decided_at, commit, result FROM cases
    UNION ALL
    SELECT source, case_id, revision, true, (SELECT i.received_at FROM cases i WHERE i.source = r.source
               AND i.case_id = r.case_id AND i.revision = r.revision), ruleset, disposition, agreement, reason,
           findings, projected, missing, reference_date, as_of, decided_at, commit, result FROM reapplied r;
COMMENT ON VIEW outcome_rows IS 'Every outcome, in numbers: what outcome_names names.';

CREATE OR REPLACE VIEW outcome_names AS
    SELECT s.name AS source, o.case_id, o.revision, o.reapplied, o.received_at, r.id AS ruleset,
           d.disposition, a.agreement, f.label AS reason,
           CASE WHEN o.findings IS NOT NULL THEN
               ARRAY(SELECT n.disposition || ': ' || n.label FROM unnest(o.findings) WITH ORDINALITY m (code, nr)
                     LEFT JOIN codes n ON n.code = m.code ORDER BY m.nr)
           ELSE
               ARRAY(SELECT n.disposition || ': ' || n.label
                     FROM unnest(result_read(o.result, cardinality(r.agreements))) WITH ORDINALITY m (number, nr)
                     LEFT JOIN ruleset_pairs p ON p.ruleset = o.ruleset AND p.position = m.nr
                     LEFT JOIN codes n ON n.code = coalesce(p.findings[m.number + 1], result_fault(o.ruleset, m.nr)) ORDER BY m.nr)
           END AS findings,
           CASE WHEN o.findings IS NOT NULL THEN
               ARRAY(SELECT n.disposition || ': ' || n.label FROM unnest(o.projected) WITH ORDINALITY m (code, nr)
                     LEFT JOIN codes n ON n.code = m.code ORDER BY m.nr)
           ELSE
               ARRAY(SELECT n.disposition || ': ' || n.label
                     FROM unnest(result_read(o.result, cardinality(r.agreements))) WITH ORDINALITY m (number, nr)
                     LEFT JOIN ruleset_pairs p ON p.ruleset = o.ruleset AND p.position = m.nr
                     LEFT JOIN codes n ON n.code = coalesce(p.projected[m.number + 1], result_fault(o.ruleset, m.nr)) ORDER BY m.nr)
           END AS projected,
           ARRAY(SELECT n.label FROM unnest(coalesce(o.missing, result_read(o.result, NULL)::smallint[])) WITH ORDINALITY m (code, nr)
                 JOIN codes n ON n.code = m.code ORDER BY m.nr) AS missing,
           o.reference_date, o.as_of, o.decided_at, o.commit, r.agreements,
           o.source AS source_number, o.ruleset AS ruleset_number, o.disposition AS disposition_number
    FROM outcome_rows o
    LEFT JOIN sources s ON s.source = o.source
    LEFT JOIN rulesets r ON r.ruleset = o.ruleset
    LEFT JOIN codes d ON d.code = o.disposition
    LEFT JOIN codes a ON a.code = o.agreement
    LEFT JOIN codes f ON f.code = o.reason;
COMMENT ON VIEW outcome_names IS 'Every outcome, with names: the columns of report.outcomes, and numbers.';

CREATE OR REPLACE VIEW current_names AS
    SELECT o.* FROM outcome_names o
    WHERE NOT EXISTS (SELECT FROM cases l WHERE l.source = o.source_number AND l.case_id = o.case_id AND l.revision > o.revision)
      AND NOT EXISTS (SELECT FROM cases l WHERE l.source = o.source_number AND l.case_id = o.case_id AND l.revision = o.revision
                        AND o.reapplied AND l.decided_at > o.decided_at)
      AND NOT EXISTS (SELECT FROM reapplied l WHERE l.source = o.source_number AND l.case_id = o.case_id AND l.revision = o.revision
                        AND (l.decided_at, 1, l.ruleset) > (o.decided_at, o.reapplied::integer, o.ruleset_number));
COMMENT ON VIEW current_names IS 'The latest outcome of the latest revision of each case; of two decided at the same moment the later rule set''s.';

CREATE OR REPLACE VIEW report.outcomes AS
    SELECT source, case_id, revision, reapplied, received_at, ruleset, disposition, agreement, reason, findings,
           projected, missing, reference_date, as_of, decided_at, commit, source_number, agreements
    FROM outcome_names;
COMMENT ON VIEW report.outcomes IS 'Every outcome of every revision: intake and reapplied. In pages: WHERE source_number = 1 AND case_id > the last one ORDER BY case_id LIMIT 100.';
COMMENT ON COLUMN report.outcomes.source IS 'The intake system.';
COMMENT ON COLUMN report.outcomes.case_id IS 'The intake system''s own id of the case.';
COMMENT ON COLUMN report.outcomes.revision IS 'The intake system''s revision of the case.';
COMMENT ON COLUMN report.outcomes.reapplied IS 'False: the intake outcome; true: a later outcome under another rule set.';
COMMENT ON COLUMN report.outcomes.received_at IS 'When the broker accepted the case.';
COMMENT ON COLUMN report.outcomes.ruleset IS 'Id of the rule set that decided (report.rule_sets).';
COMMENT ON COLUMN report.outcomes.disposition IS 'The outcome: not_subject, exception_applies, insufficient_information, screening_required or subject_to_agreement.';
COMMENT ON COLUMN report.outcomes.agreement IS 'The agreement that decided.';
COMMENT ON COLUMN report.outcomes.reason IS 'Its reason.';
COMMENT ON COLUMN report.outcomes.findings IS 'One text for each agreement, in the order of agreements: disposition: reason.';
COMMENT ON COLUMN report.outcomes.projected IS 'Parallel to findings: the finding if the agreement were in force; null where that question does not apply.';
COMMENT ON COLUMN report.outcomes.missing IS 'Facts to ask for (report.questions); the first is the next question.';
COMMENT ON COLUMN report.outcomes.reference_date IS 'Day on which the rules are applied.';
COMMENT ON COLUMN report.outcomes.as_of IS 'Day whose knowledge of events is used.';
COMMENT ON COLUMN report.outcomes.decided_at IS 'When the outcome was made.';
COMMENT ON COLUMN report.outcomes.commit IS 'Number of the lane transaction that wrote it.';
COMMENT ON COLUMN report.outcomes.source_number IS 'The intake system as a number: (source_number, case_id) is the order of an index.';
COMMENT ON COLUMN report.outcomes.agreements IS 'Agreements of the rule set: the order of findings and projected.';

CREATE OR REPLACE VIEW report.current_outcomes AS
    SELECT source, case_id, revision, reapplied, received_at, ruleset, disposition, agreement, reason, findings,
           projected, missing, reference_date, as_of, decided_at, commit, source_number, agreements
    FROM current_names;
COMMENT ON VIEW report.current_outcomes IS 'The latest outcome of the latest revision of each case. In pages as report.outcomes.';
COMMENT ON COLUMN report.current_outcomes.source IS 'The intake system.';
COMMENT ON COLUMN report.current_outcomes.case_id IS 'The intake system''s own id of the case.';
COMMENT ON COLUMN report.current_outcomes.revision IS 'The intake system''s revision of the case.';
COMMENT ON COLUMN report.current_outcomes.reapplied IS 'False: the intake outcome; true: a later outcome under another rule set.';
COMMENT ON COLUMN report.current_outcomes.received_at IS 'When the broker accepted the case.';
COMMENT ON COLUMN report.current_outcomes.ruleset IS 'Id of the rule set that decided (report.rule_sets).';
COMMENT ON COLUMN report.current_outcomes.disposition IS 'The outcome: not_subject, exception_applies, insufficient_information, screening_required or subject_to_agreement.';
COMMENT ON COLUMN report.current_outcomes.agreement IS 'The agreement that decided.';
COMMENT ON COLUMN report.current_outcomes.reason IS 'Its reason.';
COMMENT ON COLUMN report.current_outcomes.findings IS 'One text for each agreement, in the order of agreements: disposition: reason.';
COMMENT ON COLUMN report.current_outcomes.projected IS 'Parallel to findings: the finding if the agreement were in force; null where that question does not apply.';
COMMENT ON COLUMN report.current_outcomes.missing IS 'Facts to ask for (report.questions); the first is the next question.';
COMMENT ON COLUMN report.current_outcomes.reference_date IS 'Day on which the rules are applied.';
COMMENT ON COLUMN report.current_outcomes.as_of IS 'Day whose knowledge of events is used.';
COMMENT ON COLUMN report.current_outcomes.decided_at IS 'When the outcome was made.';
COMMENT ON COLUMN report.current_outcomes.commit IS 'Number of the lane transaction that wrote it.';
COMMENT ON COLUMN report.current_outcomes.source_number IS 'The intake system as a number: (source_number, case_id) is the order of an index.';
COMMENT ON COLUMN report.current_outcomes.agreements IS 'Agreements of the rule set: the order of findings and projected.';

CREATE OR REPLACE VIEW report.screening AS
    SELECT source, case_id, revision, agreement, reason, missing, reference_date, received_at, decided_at,
           source_number
    FROM current_names
    WHERE disposition_number = 3;
COMMENT ON VIEW report.screening IS 'Cases an officer has to screen. In pages as report.outcomes.';
COMMENT ON COLUMN report.screening.source IS 'The intake system.';
COMMENT ON COLUMN report.screening.case_id IS 'The intake system''s own id of the case.';
COMMENT ON COLUMN report.screening.revision IS 'The intake system''s revision of the case.';
COMMENT ON COLUMN report.screening.agreement IS 'The agreement that decided.';
COMMENT ON COLUMN report.screening.reason IS 'Its reason.';
COMMENT ON COLUMN report.screening.missing IS 'Facts to ask for (report.questions); the first is the next question.';
COMMENT ON COLUMN report.screening.reference_date IS 'Day on which the rules are applied.';
COMMENT ON COLUMN report.screening.received_at IS 'When the broker accepted the case.';
COMMENT ON COLUMN report.screening.decided_at IS 'When the outcome was made.';
COMMENT ON COLUMN report.screening.source_number IS 'The intake system as a number: (source_number, case_id) is the order of an index.';

-- With a window function instead of LATERAL, a page would cost a sort of all outcomes.
CREATE OR REPLACE VIEW report.transitions AS
    SELECT s.name AS source, o.case_id, CASE WHEN o.revision = e.revision THEN 'rule_set' ELSE 'revision' END AS kind,
           e.revision AS from_revision, o.revision AS to_revision, left(fr.id, 12) AS from_rule_set, left(tr.id, 12) AS to_rule_set,
           fd.disposition AS from_disposition, td.disposition AS to_disposition,
           fa.agreement AS from_agreement, ta.agreement AS to_agreement, ff.label AS from_reason, tf.label AS to_reason,
           o.decided_at, o.source AS source_number
    FROM outcome_rows o
    CROSS JOIN LATERAL (SELECT p.revision, p.ruleset, p.disposition, p.agreement, p.reason FROM outcome_rows p
                        WHERE p.source = o.source AND p.case_id = o.case_id AND p.revision <= o.revision
                          AND (p.revision, p.reapplied, p.decided_at, p.ruleset) < (o.revision, o.reapplied, o.decided_at, o.ruleset)
                        ORDER BY p.revision DESC, p.reapplied DESC, p.decided_at DESC, p.ruleset DESC LIMIT 1) e
    LEFT JOIN sources s ON s.source = o.source
    LEFT JOIN rulesets fr ON fr.ruleset = e.ruleset
    LEFT JOIN rulesets tr ON tr.ruleset = o.ruleset
    LEFT JOIN codes fd ON fd.code = e.disposition
    LEFT JOIN codes td ON td.code = o.disposition
    LEFT JOIN codes fa ON fa.code = e.agreement
    LEFT JOIN codes ta ON ta.code = o.agreement
    LEFT JOIN codes ff ON ff.code = e.reason
    LEFT JOIN codes tf ON tf.code = o.reason
    WHERE o.reapplied OR o.revision > 0; -- most cases have one outcome, and need no look for an earlier one
COMMENT ON VIEW report.transitions IS 'From each outcome of a case to its next one: to a later outcome of the same revision, or from the latest outcome of a revision to the next revision. In pages as report.outcomes.';
COMMENT ON COLUMN report.transitions.source IS 'The intake system.';
COMMENT ON COLUMN report.transitions.case_id IS 'The intake system''s own id of the case.';
COMMENT ON COLUMN report.transitions.kind IS 'rule_set: the same revision was decided again; revision: a later revision came.';
COMMENT ON COLUMN report.transitions.from_revision IS 'Revision of the earlier outcome.';
COMMENT ON COLUMN report.transitions.to_revision IS 'Revision of the later outcome.';
COMMENT ON COLUMN report.transitions.from_rule_set IS 'Short name of the earlier rule set (report.rule_sets).';
COMMENT ON COLUMN report.transitions.to_rule_set IS 'Short name of the later rule set.';
COMMENT ON COLUMN report.transitions.from_disposition IS 'The earlier disposition.';
COMMENT ON COLUMN report.transitions.to_disposition IS 'The later disposition.';
COMMENT ON COLUMN report.transitions.from_agreement IS 'The agreement that decided earlier.';
COMMENT ON COLUMN report.transitions.to_agreement IS 'The agreement that decided later.';
COMMENT ON COLUMN report.transitions.from_reason IS 'The earlier reason.';
COMMENT ON COLUMN report.transitions.to_reason IS 'The later reason.';
COMMENT ON COLUMN report.transitions.decided_at IS 'When the later outcome was made.';
COMMENT ON COLUMN report.transitions.source_number IS 'The intake system as a number: (source_number, case_id) is the order of an index.';

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
COMMENT ON VIEW report.daily_counts IS 'Intake outcomes written, by UTC day, source, agreement that decided and disposition. A purge leaves them. Never a scan of cases.';
COMMENT ON COLUMN report.daily_counts.day IS 'UTC day of writing.';
COMMENT ON COLUMN report.daily_counts.source IS 'The intake system.';
COMMENT ON COLUMN report.daily_counts.agreement IS 'The agreement that decided.';
COMMENT ON COLUMN report.daily_counts.disposition IS 'The outcome: not_subject, exception_applies, insufficient_information, screening_required or subject_to_agreement.';
COMMENT ON COLUMN report.daily_counts.outcomes IS 'How many.';

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
COMMENT ON VIEW report.months IS 'Intake outcomes of the cases that are kept, by month of reference date, agreement that decided and disposition. Never a scan of cases.';
COMMENT ON COLUMN report.months.month IS 'First day of the month of the reference date.';
COMMENT ON COLUMN report.months.agreement IS 'The agreement that decided.';
COMMENT ON COLUMN report.months.disposition IS 'The outcome: not_subject, exception_applies, insufficient_information, screening_required or subject_to_agreement.';
COMMENT ON COLUMN report.months.outcomes IS 'How many.';

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
COMMENT ON VIEW report.findings IS 'What each agreement made of the cases that are kept, by month of reference date: one finding for each case and agreement. Never a scan of cases.';
COMMENT ON COLUMN report.findings.month IS 'First day of the month of the reference date.';
COMMENT ON COLUMN report.findings.agreement IS 'The agreement.';
COMMENT ON COLUMN report.findings.disposition IS 'Its finding.';
COMMENT ON COLUMN report.findings.reason IS 'The reason of the finding.';
COMMENT ON COLUMN report.findings.projected IS 'The disposition if the agreement were in force; null where that question does not apply.';
COMMENT ON COLUMN report.findings.findings IS 'How many.';

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
COMMENT ON VIEW report.missing_facts IS 'Which facts the intake outcomes of the kept cases miss, by source. Never a scan of cases.';
COMMENT ON COLUMN report.missing_facts.path IS 'The fact (report.questions).';
COMMENT ON COLUMN report.missing_facts.source IS 'The intake system.';
COMMENT ON COLUMN report.missing_facts.cases IS 'In how many cases it is missing.';
COMMENT ON COLUMN report.missing_facts.next_question IS 'In how many of them it is the next question.';

CREATE OR REPLACE VIEW letter_states AS
    SELECT x.dead, CASE WHEN x.resolved_at IS NOT NULL THEN 'resolved'
                        WHEN x.reason <> 'conflict' AND (NOT x.reapplied OR x.reason = 'no_such_case')
                             AND EXISTS (SELECT FROM cases c
                                         WHERE c.source = x.source AND c.case_id = x.case_id AND c.revision = x.revision
                                           AND c.digest = coalesce(x.digest, c.digest)) THEN 'overtaken'
                        ELSE 'open' END AS state
    FROM dead_letters x;
COMMENT ON VIEW letter_states IS 'Dead letters: resolved by a retry, overtaken by an outcome of their case, or open. Of the same content where that is known. Conflicts, and what could not be reapplied, stay open until they are resolved or dropped.';

CREATE OR REPLACE VIEW report.dead_letters AS
    SELECT x.dead, s.name AS source, x.reason, x.path, x.expected, x.found, x.case_id, x.revision,
           x.batch, x.position, x.first_seen_at, x.last_seen_at, x.seen, x.received_at
    FROM dead_letters x JOIN letter_states l USING (dead) JOIN sources s ON s.source = x.source
    WHERE l.state = 'open';
COMMENT ON VIEW report.dead_letters IS 'Open dead letters, without their bytes. A letter whose case has an outcome of the same content by now is left out.';
COMMENT ON COLUMN report.dead_letters.dead IS 'Number of the dead letter.';
COMMENT ON COLUMN report.dead_letters.source IS 'The intake system.';
COMMENT ON COLUMN report.dead_letters.reason IS 'Why the case got no outcome, a word of a closed list.';
COMMENT ON COLUMN report.dead_letters.path IS 'Where in the case.';
COMMENT ON COLUMN report.dead_letters.expected IS 'What the schema expects; of a conflict the stored digest.';
COMMENT ON COLUMN report.dead_letters.found IS 'The type found, never the value; of a conflict the digest sent.';
COMMENT ON COLUMN report.dead_letters.case_id IS 'As sent, null when it could not be read.';
COMMENT ON COLUMN report.dead_letters.revision IS 'As sent, null when it could not be read.';
COMMENT ON COLUMN report.dead_letters.batch IS 'Batch in which it first came.';
COMMENT ON COLUMN report.dead_letters.position IS 'Index in that batch, from 0.';
COMMENT ON COLUMN report.dead_letters.first_seen_at IS 'When it first came.';
COMMENT ON COLUMN report.dead_letters.last_seen_at IS 'When it came last.';
COMMENT ON COLUMN report.dead_letters.seen IS 'How often it came.';
COMMENT ON COLUMN report.dead_letters.received_at IS 'When the broker accepted the batch in which it first came.';

CREATE OR REPLACE VIEW report.dead_letter_days AS
    SELECT n.day, s.name AS source, n.reason, sum(n.letters)::bigint AS letters,
           coalesce(sum(n.letters) FILTER (WHERE n.state = 'open'), 0)::bigint AS open,
           coalesce(sum(n.letters) FILTER (WHERE n.state = 'resolved'), 0)::bigint AS resolved,
           coalesce(sum(n.letters) FILTER (WHERE n.state = 'overtaken'), 0)::bigint AS overtaken,
           coalesce(sum(n.letters) FILTER (WHERE n.state = 'dropped'), 0)::bigint AS dropped,
           coalesce(sum(n.letters) FILTER (WHERE n.state = 'purged'), 0)::bigint AS purged
    FROM (SELECT (x.first_seen_at AT TIME ZONE 'UTC')::date AS day, x.source, x.reason, l.state, count(*) AS letters
          FROM dead_letters x JOIN letter_states l USING (dead) GROUP BY 1, 2, 3, 4
          UNION ALL
          SELECT e.first_seen_on, e.source, e.reason, e.fate, e.letters FROM dead_letter_ends e) n
    JOIN sources s ON s.source = n.source
    GROUP BY 1, 2, 3;
COMMENT ON VIEW report.dead_letter_days IS 'Dead letters by the UTC day on which they first came, and their result.';
COMMENT ON COLUMN report.dead_letter_days.day IS 'UTC day on which they first came.';
COMMENT ON COLUMN report.dead_letter_days.source IS 'The intake system.';
COMMENT ON COLUMN report.dead_letter_days.reason IS 'Why the case got no outcome, a word of a closed list.';
COMMENT ON COLUMN report.dead_letter_days.letters IS 'How many: the sum of the next five.';
COMMENT ON COLUMN report.dead_letter_days.open IS 'They are listed in report.dead_letters.';
COMMENT ON COLUMN report.dead_letter_days.resolved IS 'A retry gave their case an outcome.';
COMMENT ON COLUMN report.dead_letter_days.overtaken IS 'Their case has an outcome by now without a retry.';
COMMENT ON COLUMN report.dead_letter_days.dropped IS 'An operator removed them.';
COMMENT ON COLUMN report.dead_letter_days.purged IS 'A purge removed them.';

CREATE OR REPLACE VIEW report.received_days AS
    SELECT n.day, s.name AS source, n.cases
    FROM (SELECT x.day, x.source, sum(x.n)::bigint AS cases
          FROM (SELECT day, source, cases AS n FROM rollup_received
                UNION ALL
                SELECT date '1970-01-01' + r.day, r.source, r.n
                FROM tallies t CROSS JOIN LATERAL unnest(t.received_sources, t.received_days, t.received_counts)
                    AS r (source, day, n)) x
          GROUP BY 1, 2) n
    JOIN sources s ON s.source = n.source;
COMMENT ON VIEW report.received_days IS 'Cases with an intake outcome, by UTC day of acceptance and source. A purge leaves them. Never a scan of cases.';
COMMENT ON COLUMN report.received_days.day IS 'UTC day on which the broker accepted them.';
COMMENT ON COLUMN report.received_days.source IS 'The intake system.';
COMMENT ON COLUMN report.received_days.cases IS 'How many case revisions.';

CREATE OR REPLACE VIEW report.latency AS
    SELECT x.day, sum(x.outcomes)::bigint AS outcomes, max(x.longest) AS longest,
           sum(x.youngest) / sum(x.transactions)::double precision AS shortest_average
    FROM (SELECT day, outcomes, transactions, longest, youngest FROM rollup_latency
          UNION ALL
          SELECT t.day, t.cases, 1, t.committed_at - t.received_from, t.committed_at - t.received_until
          FROM tallies t WHERE t.received_from IS NOT NULL) x
    GROUP BY 1;
COMMENT ON VIEW report.latency IS 'Time from acceptance to writing, by UTC day.';
COMMENT ON COLUMN report.latency.day IS 'UTC day of writing.';
COMMENT ON COLUMN report.latency.outcomes IS 'Intake outcomes written.';
COMMENT ON COLUMN report.latency.longest IS 'The longest time.';
COMMENT ON COLUMN report.latency.shortest_average IS 'The average over transactions of their youngest case.';

CREATE OR REPLACE VIEW report.latency_percentiles AS
    WITH counts AS (
        SELECT x.hour, x.source, x.bucket, sum(x.n) AS n
        FROM (SELECT hour, source, bucket, outcomes AS n FROM rollup_latencies
              UNION ALL
              SELECT date_trunc('hour', t.committed_at, 'UTC'), r.source, r.bucket, r.n
              FROM tallies t CROSS JOIN LATERAL unnest(t.received_sources, t.received_buckets, t.received_counts)
                  AS r (source, bucket, n)) x
        GROUP BY 1, 2, 3),
    running AS (
        SELECT c.hour, c.source, sum(c.n) OVER upward AS upto, sum(c.n) OVER (PARTITION BY c.hour, c.source) AS total,
               make_interval(secs => (9 + c.bucket % 8) * 2::double precision ^ (c.bucket / 8 - 3) / 1000000) AS bound
        FROM counts c WINDOW upward AS (PARTITION BY c.hour, c.source ORDER BY c.bucket))
    SELECT r.hour, s.name AS source, max(r.total)::bigint AS outcomes,
           min(r.bound) FILTER (WHERE r.upto >= 0.50 * r.total) AS p50,
           min(r.bound) FILTER (WHERE r.upto >= 0.95 * r.total) AS p95,
           min(r.bound) FILTER (WHERE r.upto >= 0.99 * r.total) AS p99
    FROM running r JOIN sources s ON s.source = r.source
    GROUP BY 1, 2;
COMMENT ON VIEW report.latency_percentiles IS 'Time from acceptance to writing, by UTC hour of writing and source. A percentile is at most one eighth above the exact time. A purge leaves them.';
COMMENT ON COLUMN report.latency_percentiles.hour IS 'UTC hour of writing.';
COMMENT ON COLUMN report.latency_percentiles.source IS 'The intake system.';
COMMENT ON COLUMN report.latency_percentiles.outcomes IS 'Intake outcomes written.';
COMMENT ON COLUMN report.latency_percentiles.p50 IS 'Half of the outcomes took at most this time.';
COMMENT ON COLUMN report.latency_percentiles.p95 IS '95 percent took at most this time.';
COMMENT ON COLUMN report.latency_percentiles.p99 IS '99 percent took at most this time.';

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
COMMENT ON VIEW report.completeness IS 'Until when all accepted cases are stored, by broker journal. It moves with the work: a broker without work changes nothing. Over several brokers the earliest time counts.';
COMMENT ON COLUMN report.completeness.journal IS 'The broker''s journal.';
COMMENT ON COLUMN report.completeness.done_below IS 'Every batch with a smaller sequence number is stored.';
COMMENT ON COLUMN report.completeness.last_commit_at IS 'Latest transaction with work of it.';
COMMENT ON COLUMN report.completeness.complete_before IS 'Every case accepted before is stored, by the broker''s clock when the last work was dispatched.';

CREATE OR REPLACE VIEW report.questions AS
    SELECT c.label AS path, q.text FROM questions q JOIN codes c ON c.code = q.path;
COMMENT ON VIEW report.questions IS 'The question to ask for each fact, as the latest published rule set has it.';
COMMENT ON COLUMN report.questions.path IS 'The fact, as in the columns missing and path of other views.';
COMMENT ON COLUMN report.questions.text IS 'The question.';

CREATE OR REPLACE VIEW activation_periods AS
    SELECT a.*, lead(a.active_from) OVER (ORDER BY a.active_from, a.activation) AS active_until FROM activations a;
COMMENT ON VIEW activation_periods IS 'Activations, each with the time at which the next one replaces it.';

CREATE OR REPLACE VIEW report.activations AS
    SELECT left(r.id, 12) AS short_name, r.id AS ruleset, p.active_from, p.active_until, p.activated_at, p.activated_by, p.why
    FROM activation_periods p JOIN rulesets r USING (ruleset);
COMMENT ON VIEW report.activations IS 'Which rule set was or will be in force, from when until when, and who activated it.';
COMMENT ON COLUMN report.activations.short_name IS 'First 12 digits of the rule set''s id.';
COMMENT ON COLUMN report.activations.ruleset IS 'Id of the rule set.';
COMMENT ON COLUMN report.activations.active_from IS 'In force from this time on.';
COMMENT ON COLUMN report.activations.active_until IS 'Until this time; null: no other is planned. Equal to active_from: another one replaced it before it came into force.';
COMMENT ON COLUMN report.activations.activated_at IS 'When it was activated.';
COMMENT ON COLUMN report.activations.activated_by IS 'Database role that activated it.';
COMMENT ON COLUMN report.activations.why IS 'Reason given.';

CREATE OR REPLACE VIEW report.rule_sets AS
    SELECT left(r.id, 12) AS short_name, r.id AS ruleset, r.published_at, r.published_by, r.agreements,
           -- the section of that name, the last but one of the canonical text
           array_remove(string_to_array(split_part(regexp_replace(t.body, '^.*\noverrides [0-9]+\n', ''), E'\nvocabulary ', 1),
                                        E'\n'), '') AS overrides,
           p.active_from, p.active_until
    FROM rulesets r
    LEFT JOIN ruleset_texts t ON t.ruleset = r.ruleset
    LEFT JOIN LATERAL (SELECT a.active_from, a.active_until FROM activation_periods a
                       WHERE a.ruleset = r.ruleset AND a.active_until IS DISTINCT FROM a.active_from
                       ORDER BY a.active_from DESC LIMIT 1) p ON true;
COMMENT ON VIEW report.rule_sets IS 'Published rule sets. The times are those of the latest period in force; report.activations has all.';
COMMENT ON COLUMN report.rule_sets.short_name IS 'First 12 digits of the id; casemill accepts it, too.';
COMMENT ON COLUMN report.rule_sets.ruleset IS 'Id of the rule set.';
COMMENT ON COLUMN report.rule_sets.published_at IS 'When it was published.';
COMMENT ON COLUMN report.rule_sets.published_by IS 'Database role that published it.';
COMMENT ON COLUMN report.rule_sets.agreements IS 'Its agreements.';
COMMENT ON COLUMN report.rule_sets.overrides IS 'Parameters that were set at publication: AGREEMENT.PARAM=VALUE.';
COMMENT ON COLUMN report.rule_sets.active_from IS 'In force from this time on; null: never activated.';
COMMENT ON COLUMN report.rule_sets.active_until IS 'In force until this time; null: no other is planned.';

CREATE OR REPLACE VIEW report.sources AS
    SELECT name AS source, first_seen_at, source AS source_number FROM sources;
COMMENT ON VIEW report.sources IS 'Intake systems.';
COMMENT ON COLUMN report.sources.source IS 'Name, as in the broker''s settings.';
COMMENT ON COLUMN report.sources.first_seen_at IS 'When its first case came.';
COMMENT ON COLUMN report.sources.source_number IS 'The source as a number, as in other views.';

CREATE OR REPLACE VIEW report.codes AS
    SELECT code, kind, agreement, disposition, label FROM codes;
COMMENT ON VIEW report.codes IS 'Every name that outcomes can have.';
COMMENT ON COLUMN report.codes.code IS 'Its number in the tables.';
COMMENT ON COLUMN report.codes.kind IS 'disposition, agreement, finding or path.';
COMMENT ON COLUMN report.codes.agreement IS 'Agreement of kinds agreement and finding, else empty.';
COMMENT ON COLUMN report.codes.disposition IS 'Disposition of kinds disposition and finding, else empty.';
COMMENT ON COLUMN report.codes.label IS 'Reason of kind finding, fact of kind path, else empty.';

CREATE OR REPLACE VIEW report.operator_actions AS
    SELECT x.action, x.done_at, x.kind, x.subject, x.why, x.done_by, x.login, x.host, x.key, x.journal, x.until,
           cardinality(x.letters) AS letters
    FROM operator_actions x;
COMMENT ON VIEW report.operator_actions IS 'What operators did, when and why.';
COMMENT ON COLUMN report.operator_actions.action IS 'Number in order of action.';
COMMENT ON COLUMN report.operator_actions.done_at IS 'When.';
COMMENT ON COLUMN report.operator_actions.kind IS 'pause, drain, resume: of a broker; retire: of a worker or lane; purge: of cases; show, retry, drop: of dead letters; activate: of a rule set.';
COMMENT ON COLUMN report.operator_actions.subject IS 'The worker or lane, the number of the purge, or the id of the rule set.';
COMMENT ON COLUMN report.operator_actions.why IS 'Reason given; empty where none was given.';
COMMENT ON COLUMN report.operator_actions.done_by IS 'Database role that logged in.';
COMMENT ON COLUMN report.operator_actions.login IS 'User of the operating system, as the command reports it: unchecked.';
COMMENT ON COLUMN report.operator_actions.host IS 'Host on which the command ran, as the command reports it: unchecked.';
COMMENT ON COLUMN report.operator_actions.key IS 'Name of the operator''s key at the broker; null without keys.';
COMMENT ON COLUMN report.operator_actions.journal IS 'The broker''s journal.';
COMMENT ON COLUMN report.operator_actions.until IS 'When a pause or drain ends by itself; null: by resume.';
COMMENT ON COLUMN report.operator_actions.letters IS 'How many dead letters.';

-- For analysts: facts are personal data, and reporters do not read this view (roles.sql).  The facts are the columns of cases
-- that are not named here; `casemill db migrate` calls this when it added some.  A join of outcome_names with cases would
-- read every case before the page.
CREATE OR REPLACE FUNCTION make_fact_view() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    fixed constant text[] := '{source,case_id,revision,received_at,digest,ruleset,disposition,agreement,reason,findings,
        projected,missing,reference_date,as_of,decided_at,commit,result}';
    -- as in outcome_names
    finding_names constant text := 'CASE WHEN c.findings IS NOT NULL THEN
                   ARRAY(SELECT n.disposition || '': '' || n.label FROM unnest(c.%1$I) WITH ORDINALITY m (code, nr)
                         LEFT JOIN codes n ON n.code = m.code ORDER BY m.nr)
               ELSE
                   ARRAY(SELECT n.disposition || '': '' || n.label
                         FROM unnest(result_read(c.result, cardinality(r.agreements))) WITH ORDINALITY m (number, nr)
                         LEFT JOIN ruleset_pairs p ON p.ruleset = c.ruleset AND p.position = m.nr
                         LEFT JOIN codes n ON n.code = coalesce(p.%1$I[m.number + 1], result_fault(c.ruleset, m.nr)) ORDER BY m.nr)
               END AS %1$I';
    facts text;
    fact record;
BEGIN
    -- A list or map has its text in x$, or its value in x, if an older worker wrote it.
    SELECT coalesce(string_agg(CASE WHEN EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = a.attrelid AND NOT t.attisdropped
                                                 AND t.attname = a.attname || '$')
                               THEN format(', coalesce(c.%I::%s, c.%I) AS %I', attname || '$', format_type(atttypid, atttypmod),
                                           attname, attname)
                               ELSE format(', c.%I', attname) END, '' ORDER BY attnum), '') INTO facts FROM pg_attribute a
    WHERE attrelid = 'cases'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> ALL (fixed) AND attname NOT LIKE '%$';
    EXECUTE 'CREATE OR REPLACE VIEW report.cases AS
        SELECT s.name AS source, c.case_id, c.revision, c.received_at, r.id AS ruleset, d.disposition, a.agreement,
               f.label AS reason, ' || format(finding_names, 'findings') || ', ' || format(finding_names, 'projected') || ',
               ARRAY(SELECT n.label FROM unnest(coalesce(c.missing, result_read(c.result, NULL)::smallint[])) WITH ORDINALITY m (code, nr)
                     JOIN codes n ON n.code = m.code ORDER BY m.nr) AS missing,
               c.reference_date, c.as_of, c.decided_at, c.source AS source_number, r.agreements' || facts || '
        FROM cases c
        LEFT JOIN sources s ON s.source = c.source
        LEFT JOIN rulesets r ON r.ruleset = c.ruleset
        LEFT JOIN codes d ON d.code = c.disposition
        LEFT JOIN codes a ON a.code = c.agreement
        LEFT JOIN codes f ON f.code = c.reason';
    COMMENT ON VIEW report.cases IS 'Case revisions with their intake outcome and their facts, which are personal data: for the role casemill_analyst. In pages as report.outcomes.';
    FOR fact IN
        SELECT a.attname, coalesce(col_description('report.outcomes'::regclass, o.attnum), col_description(c.attrelid, c.attnum)) AS text
        FROM pg_attribute a
        LEFT JOIN pg_attribute o ON o.attrelid = 'report.outcomes'::regclass AND o.attname = a.attname
        LEFT JOIN pg_attribute c ON c.attrelid = 'cases'::regclass AND c.attname = a.attname
        WHERE a.attrelid = 'report.cases'::regclass AND a.attnum > 0
    LOOP
        EXECUTE format('COMMENT ON COLUMN report.cases.%I IS %L', fact.attname, fact.text);
    END LOOP;
END $$;
COMMENT ON FUNCTION make_fact_view() IS 'Makes report.cases, or adds the facts that cases has by now.';
SELECT make_fact_view();
