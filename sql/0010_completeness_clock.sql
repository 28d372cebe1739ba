-- A broker's clock that was ahead and is set back takes its word back: what counts is what was said last, by the
-- order of the journal, and not the latest time that was ever said.

CREATE OR REPLACE VIEW report.completeness AS
    WITH said AS (
        SELECT j.journal, j.low_water, j.low_water_at, c.committed_at
        FROM commits c CROSS JOIN LATERAL unnest(c.journals, c.low_water, c.low_water_at) AS j (journal, low_water, low_water_at)),
    last AS (
        SELECT journal, max(low_water) AS low_water FROM said WHERE low_water_at IS NOT NULL GROUP BY 1)
    SELECT said.journal, max(said.low_water) AS done_below, max(said.committed_at) AS last_commit_at,
           min(said.low_water_at) FILTER (WHERE said.low_water = last.low_water) AS complete_before
    FROM said LEFT JOIN last USING (journal)
    GROUP BY 1;
COMMENT ON VIEW report.completeness IS 'Per broker journal: every batch with a smaller sequence number is in, and every case accepted before complete_before, as the broker''s clock had it when the last work was dealt; over several brokers the earliest holds. It moves with the work: a broker without any says nothing new.';
