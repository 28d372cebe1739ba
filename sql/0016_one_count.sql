-- A lane's counts are in its row of tallies, and after that in the rollups.  commits held the outcomes a second time.
ALTER TABLE commits DROP COLUMN tally_sources, DROP COLUMN tally_agreements, DROP COLUMN tally_dispositions, DROP COLUMN tally_counts;
