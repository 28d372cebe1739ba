-- Outcomes of stored cases under further rule sets are no intake: what counts intake leaves them out, and a case
-- that could not be reapplied stays in view although its intake outcome stands.

COMMENT ON COLUMN commits.mode IS 'intake; reapply: further outcomes of stored cases; canary: no case, only the proof that the road is open.';
COMMENT ON COLUMN dead_letters.reason IS 'Word of a closed list: a decoding fault, conflict, not_storable or poison; of a reapplication: not_a_triple, no_such_case, no_such_ruleset, ruleset_refused, not_allowed, not_in_schema or digest_differs.';
COMMENT ON COLUMN dead_letters.body IS 'The case''s MessagePack bytes as sent: personal data; of a reapplication the triple that named the case.';

CREATE OR REPLACE VIEW report.daily_counts AS
    SELECT (c.committed_at AT TIME ZONE 'UTC')::date AS day, s.name AS source, a.agreement, d.disposition,
           sum(t.outcomes)::bigint AS outcomes
    FROM commits c
    CROSS JOIN LATERAL unnest(c.tally_sources, c.tally_agreements, c.tally_dispositions, c.tally_counts)
        AS t (source, agreement, disposition, outcomes)
    JOIN sources s ON s.source = t.source
    JOIN codes a ON a.code = t.agreement
    JOIN codes d ON d.code = t.disposition
    WHERE c.mode = 'intake'
    GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW report.daily_counts IS 'Intake outcomes written per UTC day, source, winning agreement and disposition; from commits, never a scan of cases.';

CREATE OR REPLACE VIEW report.latency AS
    SELECT (committed_at AT TIME ZONE 'UTC')::date AS day, sum(cases)::bigint AS outcomes,
           max(committed_at - received_from) AS longest, avg(committed_at - received_until) AS shortest_average
    FROM commits WHERE received_from IS NOT NULL AND mode = 'intake'
    GROUP BY 1;
COMMENT ON VIEW report.latency IS 'Per UTC day of intake: the longest time from acceptance to writing, and the average over transactions of their youngest case.';

CREATE OR REPLACE VIEW report.dead_letters AS
    SELECT x.dead, s.name AS source, x.reason, x.path, x.expected, x.found, x.case_id, x.revision,
           x.batch, x.position, x.first_seen_at, x.last_seen_at, x.seen
    FROM dead_letters x JOIN sources s USING (source)
    WHERE x.reason IN ('conflict', 'no_such_ruleset', 'ruleset_refused', 'not_allowed', 'not_in_schema', 'digest_differs')
       OR NOT EXISTS (SELECT FROM cases c
                      WHERE c.source = x.source AND c.case_id = x.case_id AND c.revision = x.revision);
COMMENT ON VIEW report.dead_letters IS 'Open dead letters without their bytes: one whose case has an outcome by now is left out; conflicts stay, and what could not be reapplied.';
