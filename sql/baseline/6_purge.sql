-- Cases that are no longer kept leave a tombstone.  A revision that comes again is then still a duplicate or a conflict,
-- and never gets a second outcome.

CREATE TABLE purges (
    purge           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source          smallint NOT NULL REFERENCES sources,
    received_before timestamptz NOT NULL,
    why             text NOT NULL CHECK (btrim(why) <> ''),
    purged_by       text NOT NULL DEFAULT session_user,
    purged_at       timestamptz NOT NULL DEFAULT now(),
    cases           bigint NOT NULL DEFAULT 0,
    reapplied       bigint NOT NULL DEFAULT 0,
    dead_letters    bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE purges IS 'Who removed which cases, when and why; rows stay.';
COMMENT ON COLUMN purges.purge IS 'Number in order of purging.';
COMMENT ON COLUMN purges.source IS 'Whose cases (sources).';
COMMENT ON COLUMN purges.received_before IS 'Cases accepted before this moment.';
COMMENT ON COLUMN purges.why IS 'Reason given by that person.';
COMMENT ON COLUMN purges.purged_by IS 'Database role that logged in.';
COMMENT ON COLUMN purges.purged_at IS 'When it began.';
COMMENT ON COLUMN purges.cases IS 'Case revisions removed so far.';
COMMENT ON COLUMN purges.reapplied IS 'Their further outcomes removed.';
COMMENT ON COLUMN purges.dead_letters IS 'Dead letters removed: theirs, and those last seen before that moment.';

CREATE TABLE purged (
    source      smallint NOT NULL,
    case_id     text COLLATE "C" NOT NULL,
    revision    integer NOT NULL,
    digest      uuid NOT NULL,
    disposition smallint NOT NULL,
    purge       bigint NOT NULL,
    PRIMARY KEY (source, case_id, revision)
);
COMMENT ON TABLE purged IS 'Tombstones: what is left of a purged case revision.';
COMMENT ON COLUMN purged.source IS 'As in cases.';
COMMENT ON COLUMN purged.case_id IS 'As in cases.';
COMMENT ON COLUMN purged.revision IS 'As in cases.';
COMMENT ON COLUMN purged.digest IS 'As in cases: tells a duplicate from a conflict.';
COMMENT ON COLUMN purged.disposition IS 'As in cases: what a duplicate is counted under.';
COMMENT ON COLUMN purged.purge IS 'By which purge (purges).';

-- A lane calls this after its COPY, in the same transaction.  A purge locks cases against writers: one that committed
-- before the COPY is visible here, and one that did not comes after the lane's commit.
CREATE FUNCTION purged_guard() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM purged) THEN
        RAISE EXCEPTION 'there are tombstones to look at' USING ERRCODE = '23CM1';
    END IF;
END $$;
COMMENT ON FUNCTION purged_guard() IS 'Fails with SQLSTATE 23CM1 when there is any tombstone, which sends a lane to the road that looks at them.';

-- One piece of a purge, after the given key.  Returns its last key, or no row when nothing was left.  Lanes that reapply
-- wait, too: what they write beside a case that goes would stay forever.
CREATE FUNCTION purge_some(a_purge bigint, after_id text, after_revision integer, at_most integer)
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
COMMENT ON FUNCTION purge_some(bigint, text, integer, integer) IS 'Turns at most so many old cases into tombstones; keeps lanes from writing until the transaction ends.';
