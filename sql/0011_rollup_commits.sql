-- Latency and completeness grew with every transaction that ever was: they are tallied and folded like the rest, by
-- every transaction, also one that writes no outcome.

ALTER TABLE tallies
    ADD COLUMN committed_at timestamptz,
    ADD COLUMN received_from timestamptz,
    ADD COLUMN received_until timestamptz,
    ADD COLUMN cases integer NOT NULL DEFAULT 0,
    ADD COLUMN journals uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN low_water bigint[] NOT NULL DEFAULT '{}',
    ADD COLUMN low_water_at timestamptz[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN tallies.committed_at IS 'As in commits; null of a purge.';
COMMENT ON COLUMN tallies.received_from IS 'As in commits, of intake; null of what is none.';
COMMENT ON COLUMN tallies.received_until IS 'As in commits, of intake; null of what is none.';
COMMENT ON COLUMN tallies.cases IS 'As in commits.';
COMMENT ON COLUMN tallies.journals IS 'As in commits.';
COMMENT ON COLUMN tallies.low_water IS 'As in commits.';
COMMENT ON COLUMN tallies.low_water_at IS 'As in commits.';

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

-- Each tally is taken by one fold: whoever deletes a row adds it, in the same statement.
CREATE OR REPLACE FUNCTION fold_tallies(at_most integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$
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

-- From cases and commits, whatever was counted before; lanes wait for as long as it takes.
CREATE OR REPLACE FUNCTION rebuild_rollups() RETURNS void LANGUAGE plpgsql AS $$
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

-- CREATE OR REPLACE has taken it away.
DO $$
DECLARE folder text;
BEGIN
    FOREACH folder IN ARRAY ARRAY['fold_tallies(integer)', 'rebuild_rollups()'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', folder, current_schema());
    END LOOP;
END $$;
SELECT rebuild_rollups();
