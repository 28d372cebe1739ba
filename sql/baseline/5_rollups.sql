-- The counts that reports show.  A lane adds one row of tallies to its transaction, which nobody else touches.
-- fold_tallies() (7_counting.sql) later moves tallies into rollups.  A view adds up both, so it is exact however long
-- nobody folded, and it never reads cases.

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
    low_water_at         timestamptz[] NOT NULL DEFAULT '{}',
    received_sources     smallint[] NOT NULL DEFAULT '{}',
    received_days        integer[] NOT NULL DEFAULT '{}',
    received_buckets     smallint[] NOT NULL DEFAULT '{}',
    received_counts      integer[] NOT NULL DEFAULT '{}'
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
COMMENT ON COLUMN tallies.received_sources IS 'Parallel arrays of intake outcomes: source,';
COMMENT ON COLUMN tallies.received_days IS 'UTC day of acceptance, counted from 1970-01-01,';
COMMENT ON COLUMN tallies.received_buckets IS 'bucket of the time from acceptance to writing: bucket b begins at (8 + b % 8) * 2 ^ (b / 8 - 3) microseconds,';
COMMENT ON COLUMN tallies.received_counts IS 'and how many.';

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

CREATE TABLE rollup_received (
    day    date NOT NULL,
    source smallint NOT NULL,
    cases  bigint NOT NULL,
    PRIMARY KEY (day, source)
) WITH (fillfactor = 50);
COMMENT ON TABLE rollup_received IS 'Folded tallies: cases with an intake outcome, by UTC day of acceptance; a purge leaves them.';
COMMENT ON COLUMN rollup_received.day IS 'UTC day on which the broker accepted them.';
COMMENT ON COLUMN rollup_received.source IS 'Source (sources).';
COMMENT ON COLUMN rollup_received.cases IS 'How many.';

CREATE TABLE rollup_latencies (
    hour     timestamptz NOT NULL,
    source   smallint NOT NULL,
    bucket   smallint NOT NULL,
    outcomes bigint NOT NULL,
    PRIMARY KEY (hour, source, bucket)
) WITH (fillfactor = 50);
COMMENT ON TABLE rollup_latencies IS 'Folded tallies: histograms of the time from acceptance to writing; a purge leaves them.';
COMMENT ON COLUMN rollup_latencies.hour IS 'UTC hour of writing.';
COMMENT ON COLUMN rollup_latencies.source IS 'Source (sources).';
COMMENT ON COLUMN rollup_latencies.bucket IS 'As in tallies.received_buckets.';
COMMENT ON COLUMN rollup_latencies.outcomes IS 'How many intake outcomes.';

CREATE TABLE folds (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    folded_at timestamptz
);
COMMENT ON TABLE folds IS 'One row: whoever holds its lock folds, nobody waits for it.';
COMMENT ON COLUMN folds.one IS 'True.';
COMMENT ON COLUMN folds.folded_at IS 'When tallies were folded the last time.';

INSERT INTO folds DEFAULT VALUES;
