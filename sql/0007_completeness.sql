-- Until when everything is in, as a time and not only as a broker's own number.

ALTER TABLE commits ADD COLUMN low_water_at timestamptz[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN commits.low_water_at IS 'Parallel to journals, or empty: everything accepted before was done when the work was dealt, by the broker''s clock; null when it did not say.';

CREATE OR REPLACE VIEW report.completeness AS
    SELECT j.journal, max(j.low_water) AS done_below, max(c.committed_at) AS last_commit_at,
           max(j.low_water_at) AS complete_before
    FROM commits c CROSS JOIN LATERAL unnest(c.journals, c.low_water, c.low_water_at) AS j (journal, low_water, low_water_at)
    GROUP BY 1;
COMMENT ON VIEW report.completeness IS 'Per broker journal: every batch with a smaller sequence number is in, and every case accepted before complete_before; over several brokers the earliest holds. It moves with the work: a broker without any says nothing new.';
