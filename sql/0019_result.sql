-- One column for findings, projected findings and missing facts.  Older rows keep their arrays, and
-- older workers continue to write them.

CREATE TABLE ruleset_pairs (
    ruleset   smallint NOT NULL REFERENCES rulesets,
    position  smallint NOT NULL,
    findings  smallint[] NOT NULL,
    projected smallint[] NOT NULL,
    PRIMARY KEY (ruleset, position)
);
COMMENT ON TABLE ruleset_pairs IS 'Of each agreement of a rule set the list of pairs (finding, projected finding) that a case can get; written when it is published, never changed.';
COMMENT ON COLUMN ruleset_pairs.ruleset IS 'The rule set.';
COMMENT ON COLUMN ruleset_pairs.position IS 'Position of the agreement in rulesets.agreements, from 1.';
COMMENT ON COLUMN ruleset_pairs.findings IS 'The finding of each pair (codes); the number of a pair is its index, from 0.';
COMMENT ON COLUMN ruleset_pairs.projected IS 'Parallel to findings: the projected finding, -1 where there is none.';

-- What an earlier version published: every pair that its findings allow.  Beside a projected finding, a rule set with the line
-- `status` has findings of not_subject only.  The pairs of that line are frequent: they get numbers of one byte.
INSERT INTO ruleset_pairs (ruleset, position, findings, projected)
    SELECT r.ruleset, a.position, array_agg(x.finding ORDER BY x.place, x.finding, x.projected),
           array_agg(x.projected ORDER BY x.place, x.finding, x.projected)
    FROM rulesets r
    CROSS JOIN LATERAL unnest(r.agreements) WITH ORDINALITY AS a (id, position)
    CROSS JOIN LATERAL (
        SELECT 0 AS place, f.code AS finding, -1::smallint AS projected
        FROM codes f WHERE f.kind = 'finding' AND f.agreement = a.id
        UNION ALL
        SELECT CASE WHEN f.label IN ('agreement_not_in_force', 'agreement_suspended', 'not_known_in_force_as_of') THEN 1 ELSE 2 END,
               f.code, p.code
        FROM codes f JOIN codes p ON p.kind = 'finding' AND p.agreement = f.agreement
        WHERE f.kind = 'finding' AND f.agreement = a.id
          AND (f.disposition = 'not_subject' OR f.code = p.code OR NOT EXISTS (
               SELECT FROM codes s WHERE s.kind = 'finding' AND s.agreement = a.id AND s.label = 'agreement_not_in_force'))) x
    GROUP BY 1, 2;

ALTER TABLE cases
    ADD COLUMN result bytea,
    ALTER COLUMN findings DROP NOT NULL,
    ALTER COLUMN projected DROP NOT NULL,
    ALTER COLUMN missing DROP NOT NULL;
ALTER TABLE reapplied
    ADD COLUMN result bytea,
    ALTER COLUMN findings DROP NOT NULL,
    ALTER COLUMN projected DROP NOT NULL,
    ALTER COLUMN missing DROP NOT NULL;
COMMENT ON COLUMN cases.result IS 'Finding and projected finding of each agreement, and the paths to ask for: sql/README.md has the bytes. Null in rows of older workers.';
COMMENT ON COLUMN cases.findings IS 'Of older workers, else null: one finding code per agreement, in the order of rulesets.agreements.';
COMMENT ON COLUMN cases.projected IS 'Of older workers, else null: parallel to findings, the finding if the agreement were in force, null where it does not apply.';
COMMENT ON COLUMN cases.missing IS 'Of older workers, else null: paths to ask for (codes of kind path); the first is the next question.';
COMMENT ON COLUMN reapplied.result IS 'As in cases.';
