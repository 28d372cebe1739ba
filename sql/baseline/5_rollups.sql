-- The counts that reports show.  A lane adds one row of tallies to its transaction, which nobody else touches.
-- fold_tallies() later moves tallies into rollups.  A view adds up both, so it is exact however long nobody folded,
-- and it never reads cases.

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
    missing_firsts       integer[] NOT NULL DEFAULT '{}',
    committed_at         timestamptz,
    received_from        timestamptz,
    received_until       timestamptz,
    cases                integer NOT NULL DEFAULT 0,
    journals             uuid[] NOT NULL DEFAULT '{}',
    low_water            bigint[] NOT NULL DEFAULT '{}',
    low_water_at         timestamptz[] NOT NULL DEFAULT '{}'
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
COMMENT ON COLUMN tallies.committed_at IS 'As in commits; null of a purge.';
COMMENT ON COLUMN tallies.received_from IS 'As in commits, of intake; null of what is none.';
COMMENT ON COLUMN tallies.received_until IS 'As in commits, of intake; null of what is none.';
COMMENT ON COLUMN tallies.cases IS 'As in commits.';
COMMENT ON COLUMN tallies.journals IS 'As in commits.';
COMMENT ON COLUMN tallies.low_water IS 'As in commits.';
COMMENT ON COLUMN tallies.low_water_at IS 'As in commits.';

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

CREATE TABLE rollup_latency (
    day          date PRIMARY KEY,
    outcomes     bigint NOT NULL,
    transactions bigint NOT NULL,
    longest      interval NOT NULL,
    youngest     interval NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE rollup_latency IS 'Folded tallies: how long intake took, per UTC day.';
COMMENT ON COLUMN rollup_latency.day IS 'UTC day of writing.';
COMMENT ON COLUMN rollup_latency.outcomes IS 'Outcomes written.';
COMMENT ON COLUMN rollup_latency.transactions IS 'By so many transactions.';
COMMENT ON COLUMN rollup_latency.longest IS 'The longest time from acceptance to writing.';
COMMENT ON COLUMN rollup_latency.youngest IS 'Sum over transactions of the time of their youngest case.';

CREATE TABLE rollup_journals (
    journal         uuid PRIMARY KEY,
    done_below      bigint NOT NULL,
    last_commit_at  timestamptz NOT NULL,
    said_below      bigint,
    complete_before timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE rollup_journals IS 'Folded tallies: until where each broker''s journal is in.';
COMMENT ON COLUMN rollup_journals.journal IS 'A broker''s journal.';
COMMENT ON COLUMN rollup_journals.done_below IS 'Highest low-water mark.';
COMMENT ON COLUMN rollup_journals.last_commit_at IS 'Latest transaction with work of it.';
COMMENT ON COLUMN rollup_journals.said_below IS 'Highest low-water mark that came with a time; null when none did.';
COMMENT ON COLUMN rollup_journals.complete_before IS 'The earliest time that came with it.';

CREATE VIEW journal_words AS
    SELECT journal, done_below AS low_water, NULL::timestamptz AS low_water_at, last_commit_at AS committed_at FROM rollup_journals
    UNION ALL
    SELECT journal, said_below, complete_before, last_commit_at FROM rollup_journals WHERE said_below IS NOT NULL;
COMMENT ON VIEW journal_words IS 'What rollup_journals holds, as transactions would have said it.';

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

-- One fold takes each tally: whoever deletes a row adds it, in the same statement.
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
    ), latency AS (
        INSERT INTO rollup_latency AS r (day, outcomes, transactions, longest, youngest)
        SELECT t.day, sum(t.cases), count(*), max(t.committed_at - t.received_from), sum(t.committed_at - t.received_until)
        FROM taken t WHERE t.received_from IS NOT NULL GROUP BY 1
        ON CONFLICT (day) DO UPDATE SET outcomes = r.outcomes + excluded.outcomes,
                                        transactions = r.transactions + excluded.transactions,
                                        longest = greatest(r.longest, excluded.longest),
                                        youngest = r.youngest + excluded.youngest
    ), words AS MATERIALIZED (
        SELECT j.journal, j.low_water, j.low_water_at, t.committed_at
        FROM taken t CROSS JOIN LATERAL unnest(t.journals, t.low_water, t.low_water_at) AS j (journal, low_water, low_water_at)
    ), journals AS (
        INSERT INTO rollup_journals AS r (journal, done_below, last_commit_at, said_below, complete_before)
        SELECT * FROM (
            WITH said AS (
                SELECT * FROM words
                UNION ALL SELECT w.* FROM journal_words w WHERE w.journal IN (SELECT n.journal FROM words n)),
            last AS (SELECT s.journal, max(s.low_water) AS low_water FROM said s WHERE s.low_water_at IS NOT NULL GROUP BY 1)
            SELECT s.journal, max(s.low_water), max(s.committed_at), max(l.low_water),
                   min(s.low_water_at) FILTER (WHERE s.low_water = l.low_water)
            FROM said s LEFT JOIN last l USING (journal) GROUP BY 1) merged
        ON CONFLICT (journal) DO UPDATE SET done_below = excluded.done_below, last_commit_at = excluded.last_commit_at,
                                            said_below = excluded.said_below, complete_before = excluded.complete_before
    )
    SELECT count(*) INTO folded FROM taken;
    IF folded > 0 THEN
        UPDATE folds SET folded_at = clock_timestamp();
    END IF;
    RETURN folded;
END $$;
COMMENT ON FUNCTION fold_tallies(integer) IS 'Moves at most so many tallies into the rollups; how many it were, 0 when another is at it.';

-- Counts from cases and commits, whatever was counted before.  Lanes wait for as long as it takes.
CREATE FUNCTION rebuild_rollups() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE cases IN SHARE ROW EXCLUSIVE MODE;
    PERFORM FROM folds FOR UPDATE;
    DELETE FROM rollup_days;
    DELETE FROM rollup_months;
    DELETE FROM rollup_findings;
    DELETE FROM rollup_missing;
    DELETE FROM rollup_latency;
    DELETE FROM rollup_journals;
    -- Transactions that write no case do not wait: what is seen of commits and of tallies is seen in one statement.
    WITH gone AS (
        DELETE FROM tallies
    ), days AS (
    INSERT INTO rollup_days (day, source, agreement, disposition, outcomes)
        SELECT (c.committed_at AT TIME ZONE 'UTC')::date, t.source, t.agreement, t.disposition, sum(t.n)
        FROM commits c CROSS JOIN LATERAL unnest(c.tally_sources, c.tally_agreements, c.tally_dispositions, c.tally_counts)
            AS t (source, agreement, disposition, n)
        WHERE c.mode = 'intake' GROUP BY 1, 2, 3, 4
    ), latency AS (
        INSERT INTO rollup_latency (day, outcomes, transactions, longest, youngest)
        SELECT (c.committed_at AT TIME ZONE 'UTC')::date, sum(c.cases), count(*), max(c.committed_at - c.received_from),
               sum(c.committed_at - c.received_until)
        FROM commits c WHERE c.received_from IS NOT NULL AND c.mode = 'intake' GROUP BY 1
    )
    INSERT INTO rollup_journals (journal, done_below, last_commit_at, said_below, complete_before)
        WITH said AS (
            SELECT j.journal, j.low_water, j.low_water_at, c.committed_at
            FROM commits c CROSS JOIN LATERAL unnest(c.journals, c.low_water, c.low_water_at) AS j (journal, low_water, low_water_at)),
        last AS (SELECT s.journal, max(s.low_water) AS low_water FROM said s WHERE s.low_water_at IS NOT NULL GROUP BY 1)
        SELECT s.journal, max(s.low_water), max(s.committed_at), max(l.low_water),
               min(s.low_water_at) FILTER (WHERE s.low_water = l.low_water)
        FROM said s LEFT JOIN last l USING (journal) GROUP BY 1;
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
