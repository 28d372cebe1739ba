-- A lane's counts are in its row of tallies, and after that in the rollups.  commits held the outcomes a second time.
ALTER TABLE commits DROP COLUMN tally_sources, DROP COLUMN tally_agreements, DROP COLUMN tally_dispositions, DROP COLUMN tally_counts;
-- Plain words.
COMMENT ON COLUMN cases.digest IS 'XXH3-128 over known facts and dates as sent: distinguishes a duplicate from a conflict.';
COMMENT ON COLUMN commits.mode IS 'intake; reapply: further outcomes of stored cases; canary: no case, only the proof that work can be committed.';
COMMENT ON COLUMN commits.low_water IS 'Parallel to journals: every sequence number below was done when the work was dispatched.';
COMMENT ON COLUMN commits.duplicates IS 'Cases that were stored before with the same content.';
COMMENT ON COLUMN commits.low_water_at IS 'Parallel to journals, or empty: everything accepted before was done when the work was dispatched, by the broker''s clock; null if the broker did not report it.';
COMMENT ON COLUMN purged.digest IS 'As in cases: distinguishes a duplicate from a conflict.';
