-- How counts get into the rollups, out of them with a purge, and are counted again; what a lane asks of tombstones;
-- how removed dead letters are counted.
-- This file and those after it hold definitions only, no tables: `casemill db migrate` applies them to an upgraded
-- database, too.

CREATE OR REPLACE VIEW journal_words AS
    SELECT journal, done_below AS low_water, NULL::timestamptz AS low_water_at, last_commit_at AS committed_at FROM rollup_journals
    UNION ALL
    SELECT journal, said_below, complete_before, last_commit_at FROM rollup_journals WHERE said_below IS NOT NULL;
COMMENT ON VIEW journal_words IS 'The content of rollup_journals, in the form in which transactions report it.';

-- The bytes of column `result` (sql/README.md), which common/casedoc/result_column.c writes.  A reporter's session may find no
-- function by its name here, so this one calls none of ours.
CREATE OR REPLACE FUNCTION result_read(a_result bytea, agreements integer) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    bytes constant integer := coalesce(octet_length(a_result), 0);
    width integer;
    total integer;
    missing integer;
    found integer;
    at integer;
    parts integer[] := '{}';
BEGIN
    width := CASE WHEN bytes > 0 THEN get_byte(a_result, 0) END; -- the version is equal to it
    IF width IN (1, 2) AND bytes >= 2 + width THEN
        total := width;
        FOR i IN 2 .. bytes - 1 LOOP
            total := (total * 31 + get_byte(a_result, i)) & 255;
        END LOOP;
        missing := CASE width WHEN 1 THEN get_byte(a_result, 2) ELSE get_byte(a_result, 2) * 256 + get_byte(a_result, 3) END;
        found := bytes - 2 - width - 2 * missing; -- bytes of numbers
    END IF;
    IF (CASE WHEN found >= 0 AND found % width = 0 THEN total = get_byte(a_result, 1) END) THEN
        IF agreements IS NULL THEN
            at := bytes - 2 * missing;
            FOR i IN 1 .. missing LOOP
                parts[i] := get_byte(a_result, at) * 256 + get_byte(a_result, at + 1);
                at := at + 2;
            END LOOP;
            RETURN parts;
        ELSIF found = width * agreements AND width = 1 THEN
            FOR i IN 1 .. agreements LOOP
                parts[i] := get_byte(a_result, 2 + i);
            END LOOP;
            RETURN parts;
        ELSIF found = width * agreements THEN
            FOR i IN 1 .. agreements LOOP
                parts[i] := get_byte(a_result, 2 + 2 * i) * 256 + get_byte(a_result, 3 + 2 * i);
            END LOOP;
            RETURN parts;
        END IF;
        RAISE EXCEPTION 'a stored result does not have % agreements, as its rule set has', agreements
            USING ERRCODE = 'data_corrupted';
    END IF;
    RAISE EXCEPTION 'a stored result is damaged, or of a later version: % bytes', bytes USING ERRCODE = 'data_corrupted';
END $$;
COMMENT ON FUNCTION result_read(bytea, integer) IS 'Of each agreement the number of its pair in ruleset_pairs, from 0; without a number of agreements the codes of the missing paths. Fails with SQLSTATE XX001 when the bytes are damaged.';

CREATE OR REPLACE FUNCTION result_fault(a_ruleset smallint, a_position bigint) RETURNS smallint LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RAISE EXCEPTION 'a stored result has a number that is not in the list of agreement % of rule set number %', a_position, a_ruleset
        USING ERRCODE = 'data_corrupted';
END $$;
COMMENT ON FUNCTION result_fault(smallint, bigint) IS 'Fails: the number of a pair is above those of its list.';

CREATE OR REPLACE FUNCTION month_number(a_day date) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT (extract(year FROM a_day) * 12 + extract(month FROM a_day))::integer - 24001
$$;
COMMENT ON FUNCTION month_number(date) IS 'Months from 2000-01 to the month of a day.';

-- One fold takes each tally: whoever deletes a row adds it, in the same statement.
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
    ), received AS MATERIALIZED (
        SELECT date_trunc('hour', t.committed_at, 'UTC') AS hour, r.source, r.day, r.bucket, sum(r.n)::bigint AS n
        FROM taken t CROSS JOIN LATERAL unnest(t.received_sources, t.received_days, t.received_buckets, t.received_counts)
            AS r (source, day, bucket, n)
        GROUP BY 1, 2, 3, 4
    ), received_days AS (
        INSERT INTO rollup_received AS r (day, source, cases)
        SELECT date '1970-01-01' + day, source, sum(n) FROM received GROUP BY 1, 2
        ON CONFLICT (day, source) DO UPDATE SET cases = r.cases + excluded.cases
    ), latencies AS (
        INSERT INTO rollup_latencies AS r (hour, source, bucket, outcomes)
        SELECT hour, source, bucket, sum(n) FROM received GROUP BY 1, 2, 3
        ON CONFLICT (hour, source, bucket) DO UPDATE SET outcomes = r.outcomes + excluded.outcomes
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

-- What came and was written when (days, latency, journals) is counted once, when it is written, and stays: of purged cases
-- nothing else is left to count.  The kept cases are counted again.  Lanes wait for as long as it takes.
CREATE OR REPLACE FUNCTION rebuild_rollups() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE cases IN SHARE ROW EXCLUSIVE MODE;
    PERFORM FROM folds FOR UPDATE;
    -- Whoever writes cases from now on waits, so no tally that comes later counts a case that is counted here.
    PERFORM fold_tallies(2147483647);
    DELETE FROM rollup_months;
    DELETE FROM rollup_findings;
    DELETE FROM rollup_missing;
    INSERT INTO rollup_months (month, agreement, disposition, outcomes)
        SELECT month_number(c.reference_date), c.agreement, c.disposition, count(*) FROM cases c GROUP BY 1, 2, 3;
    INSERT INTO rollup_findings (month, finding, projected, findings)
        SELECT month_number(c.reference_date), x.finding, coalesce(x.projected, -1), count(*)
        FROM cases c CROSS JOIN LATERAL unnest(c.findings, c.projected) AS x (finding, projected)
        WHERE c.findings IS NOT NULL GROUP BY 1, 2, 3;
    INSERT INTO rollup_findings AS k (month, finding, projected, findings)
        SELECT x.month, coalesce(p.findings[x.number + 1], result_fault(x.ruleset, x.nr)), p.projected[x.number + 1], sum(x.n)
        FROM (SELECT month_number(c.reference_date) AS month, c.ruleset, m.nr, m.number, count(*) AS n
              FROM cases c JOIN rulesets r USING (ruleset)
              CROSS JOIN LATERAL unnest(result_read(c.result, cardinality(r.agreements))) WITH ORDINALITY AS m (number, nr)
              WHERE c.findings IS NULL GROUP BY 1, 2, 3, 4) x
        LEFT JOIN ruleset_pairs p ON p.ruleset = x.ruleset AND p.position = x.nr
        GROUP BY 1, 2, 3
        ON CONFLICT (month, finding, projected) DO UPDATE SET findings = k.findings + excluded.findings;
    INSERT INTO rollup_missing (source, path, cases, next_question)
        SELECT c.source, m.code, count(*), count(*) FILTER (WHERE m.nr = 1)
        FROM cases c CROSS JOIN LATERAL unnest(coalesce(c.missing, result_read(c.result, NULL)::smallint[])) WITH ORDINALITY AS m (code, nr)
        GROUP BY 1, 2;
END $$;
COMMENT ON FUNCTION rebuild_rollups() IS 'Counts the kept cases again, by month of reference date, finding and missing fact: after a change of cases by hand.  Counts of what was written when stay.';

-- A lane calls this after its COPY, in the same transaction.  A purge locks cases against writers: one that committed
-- before the COPY is visible here, and one that did not comes after the lane's commit.
CREATE OR REPLACE FUNCTION purged_guard() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM purged) THEN
        RAISE EXCEPTION 'there are tombstones to look at' USING ERRCODE = '23CM1';
    END IF;
END $$;
COMMENT ON FUNCTION purged_guard() IS 'Fails with SQLSTATE 23CM1 when there is any tombstone, so that a lane takes the steps that compare with them.';

-- One piece of a purge, after the given key.  Returns its last key, or no row when nothing was left.  Lanes that reapply
-- wait, too: what they write beside a case that goes would stay forever.
CREATE OR REPLACE FUNCTION purge_some(a_purge bigint, after_id text, after_revision integer, at_most integer)
RETURNS TABLE (last_id text, last_revision integer) LANGUAGE plpgsql AS $$
DECLARE
    its_source smallint;
    its_moment timestamptz;
    its_case text;
    its_revision integer;
BEGIN
    -- Lanes wait: an insert that had looked for tombstones before these were there would go in beside them.
    LOCK TABLE cases, reapplied IN SHARE ROW EXCLUSIVE MODE;
    SELECT p.source, p.received_before, p.case_id, p.revision INTO its_source, its_moment, its_case, its_revision
    FROM purges p WHERE p.purge = a_purge;
    RETURN QUERY
    WITH old AS MATERIALIZED (
        -- One of the two has no condition that can be true, and then reads nothing.
        (SELECT c.source, c.case_id, c.revision FROM cases c
         WHERE its_case IS NULL AND c.source = its_source AND c.received_at < its_moment
           AND (c.case_id, c.revision) > (after_id COLLATE "C", after_revision)
         ORDER BY c.source, c.case_id, c.revision LIMIT at_most)
        UNION ALL
        (SELECT c.source, c.case_id, c.revision FROM cases c
         WHERE c.source = its_source AND c.case_id = its_case AND c.revision = coalesce(its_revision, c.revision)
           AND (c.case_id, c.revision) > (after_id COLLATE "C", after_revision)
         ORDER BY c.source, c.case_id, c.revision LIMIT at_most)
    ), gone AS (
        DELETE FROM cases c USING old
        WHERE c.source = old.source AND c.case_id = old.case_id AND c.revision = old.revision
        RETURNING c.source, c.case_id, c.revision, c.digest, c.disposition, c.agreement, c.findings, c.projected,
                  c.ruleset, c.result, coalesce(c.missing, result_read(c.result, NULL)::smallint[]) AS missing,
                  month_number(c.reference_date) AS month
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
        FROM (SELECT x.month, x.finding, x.projected, -sum(x.n)::integer AS n
              FROM (SELECT g.month, y.finding, coalesce(y.projected, -1::smallint) AS projected, 1 AS n
                    FROM gone g CROSS JOIN LATERAL unnest(g.findings, g.projected) AS y (finding, projected)
                    WHERE g.findings IS NOT NULL
                    UNION ALL
                    SELECT y.month, coalesce(p.findings[y.number + 1], result_fault(y.ruleset, y.nr)),
                           p.projected[y.number + 1], y.n
                    FROM (SELECT g.month, g.ruleset, m.nr, m.number, count(*) AS n
                          FROM gone g JOIN rulesets r USING (ruleset)
                          CROSS JOIN LATERAL unnest(result_read(g.result, cardinality(r.agreements)))
                              WITH ORDINALITY AS m (number, nr)
                          WHERE g.findings IS NULL GROUP BY 1, 2, 3, 4) y
                    LEFT JOIN ruleset_pairs p ON p.ruleset = y.ruleset AND p.position = y.nr) x
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
COMMENT ON FUNCTION purge_some(bigint, text, integer, integer) IS 'Turns at most so many old cases into tombstones; keeps lanes from writing until the transaction ends.';

-- An operator's removal is recorded in the same transaction, by the statement that removes.
CREATE OR REPLACE FUNCTION dead_letters_ended() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO dead_letter_ends (fate, first_seen_on, source, reason, letters)
    SELECT CASE WHEN EXISTS (SELECT FROM operator_actions a WHERE a.kind = 'drop' AND a.done_at = now()
                                 AND g.dead = ANY (a.letters)) THEN 'dropped' ELSE 'purged' END,
           (g.first_seen_at AT TIME ZONE 'UTC')::date, g.source, g.reason, count(*)
    FROM gone g GROUP BY 1, 2, 3, 4;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION dead_letters_ended() IS 'Counts removed dead letters by day, source and reason, for report.dead_letter_days.';

CREATE OR REPLACE TRIGGER dead_letters_ended AFTER DELETE ON dead_letters
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION dead_letters_ended();
