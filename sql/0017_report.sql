-- Counts by day of acceptance, histograms of latency, the end of dead letters, and the questions, for the views of
-- schema report.  What was stored before is counted here.

-- First: from here on no lane writes until this is done.
ALTER TABLE tallies
    ADD COLUMN received_sources smallint[] NOT NULL DEFAULT '{}',
    ADD COLUMN received_days integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN received_buckets smallint[] NOT NULL DEFAULT '{}',
    ADD COLUMN received_counts integer[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN tallies.received_sources IS 'Parallel arrays of intake outcomes: source,';
COMMENT ON COLUMN tallies.received_days IS 'UTC day of acceptance, counted from 1970-01-01,';
COMMENT ON COLUMN tallies.received_buckets IS 'bucket of the time from acceptance to writing: bucket b begins at (8 + b % 8) * 2 ^ (b / 8 - 3) microseconds,';
COMMENT ON COLUMN tallies.received_counts IS 'and how many.';

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

INSERT INTO rollup_received (day, source, cases)
    SELECT (c.received_at AT TIME ZONE 'UTC')::date, c.source, count(*) FROM cases c GROUP BY 1, 2;
-- The bucket of a time: see the comment on tallies.received_buckets.
INSERT INTO rollup_latencies (hour, source, bucket, outcomes)
    SELECT x.hour, x.source, 8 * x.octave + (x.us >> (x.octave - 3)) % 8, count(*)
    FROM (SELECT l.hour, l.source, l.us, length(ltrim(l.us::bit(63)::text, '0')) - 1 AS octave
          FROM (SELECT date_trunc('hour', m.committed_at, 'UTC') AS hour, c.source,
                       greatest(8, (extract(epoch FROM m.committed_at - c.received_at) * 1000000)::bigint) AS us
                FROM cases c JOIN commits m USING (commit)) l) x
    GROUP BY 1, 2, 3;

CREATE TABLE dead_letter_ends (
    ended         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ended_at      timestamptz NOT NULL DEFAULT now(),
    fate          text NOT NULL CHECK (fate IN ('dropped', 'purged')),
    first_seen_on date NOT NULL,
    source        smallint NOT NULL,
    reason        text NOT NULL,
    letters       integer NOT NULL
);
COMMENT ON TABLE dead_letter_ends IS 'How many dead letters were removed; append only, without what was in them.';
COMMENT ON COLUMN dead_letter_ends.ended IS 'Number in order of removal.';
COMMENT ON COLUMN dead_letter_ends.ended_at IS 'When they were removed.';
COMMENT ON COLUMN dead_letter_ends.fate IS 'dropped: an operator did it (dead_letter_actions); purged: a purge did it.';
COMMENT ON COLUMN dead_letter_ends.first_seen_on IS 'UTC day on which they first came.';
COMMENT ON COLUMN dead_letter_ends.source IS 'Intake system (sources).';
COMMENT ON COLUMN dead_letter_ends.reason IS 'As in dead_letters.';
COMMENT ON COLUMN dead_letter_ends.letters IS 'How many.';

CREATE TABLE questions (
    path smallint PRIMARY KEY REFERENCES codes,
    text text NOT NULL
);
COMMENT ON TABLE questions IS 'The question to ask for each fact, as the latest published rule set has it.';
COMMENT ON COLUMN questions.path IS 'The fact (codes of kind path).';
COMMENT ON COLUMN questions.text IS 'The question.';

-- Until rules are published again: the questions of the facts that have a column.
INSERT INTO questions (path, text)
    SELECT c.code, col_description(a.attrelid, a.attnum)
    FROM codes c JOIN pg_attribute a ON a.attrelid = 'cases'::regclass AND a.attname = replace(c.label, '.', '_')
    WHERE c.kind = 'path' AND col_description(a.attrelid, a.attnum) IS NOT NULL;

-- Their arrays of codes become arrays of names.
DROP VIEW report.outcomes, report.current_outcomes, report.screening, current_rows;
