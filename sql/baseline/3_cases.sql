-- Case revisions with their intake outcome, their later outcomes, and the transactions that wrote them.
-- `casemill db migrate` adds columns to cases for each fact of the case schema; this file has the fixed ones.  Larger ones come
-- first, so that alignment leaves no gaps.  A table that an upgrade changed keeps its order of columns.

CREATE TABLE cases (
    commit         bigint NOT NULL,
    received_at    timestamptz NOT NULL,
    decided_at     timestamptz NOT NULL,
    revision       integer NOT NULL,
    reference_date date NOT NULL,
    as_of          date NOT NULL,
    source         smallint NOT NULL,
    ruleset        smallint NOT NULL,
    disposition    smallint NOT NULL,
    agreement      smallint NOT NULL,
    reason         smallint NOT NULL,
    digest         uuid NOT NULL,
    case_id        text COLLATE "C" NOT NULL,
    result         bytea,
    findings       smallint[],
    projected      smallint[],
    missing        smallint[],
    PRIMARY KEY (source, case_id, revision)
);
COMMENT ON TABLE cases IS 'One row a case revision: its facts and its intake outcome, written once by a lane.';
COMMENT ON COLUMN cases.source IS 'Intake system (sources).';
COMMENT ON COLUMN cases.case_id IS 'The intake system''s own id.';
COMMENT ON COLUMN cases.revision IS 'The intake system''s revision of that case.';
COMMENT ON COLUMN cases.received_at IS 'When the broker accepted the batch.';
COMMENT ON COLUMN cases.digest IS 'XXH3-128 over known facts and dates as sent: distinguishes a duplicate from a conflict.';
COMMENT ON COLUMN cases.ruleset IS 'Rule set that decided (rulesets).';
COMMENT ON COLUMN cases.disposition IS 'Disposition of the case (codes 0 to 4).';
COMMENT ON COLUMN cases.agreement IS 'Agreement whose finding won (codes of kind agreement).';
COMMENT ON COLUMN cases.reason IS 'The winning finding (codes of kind finding).';
COMMENT ON COLUMN cases.findings IS 'Of older workers, else null: one finding code per agreement, in the order of rulesets.agreements.';
COMMENT ON COLUMN cases.projected IS 'Of older workers, else null: parallel to findings, the finding if the agreement were in force, null where it does not apply.';
COMMENT ON COLUMN cases.missing IS 'Of older workers, else null: paths to ask for (codes of kind path); the first is the next question.';
COMMENT ON COLUMN cases.result IS 'Finding and projected finding of each agreement, and the paths to ask for: sql/README.md has the bytes. Null in rows of older workers.';
COMMENT ON COLUMN cases.reference_date IS 'Day on which the rules are applied.';
COMMENT ON COLUMN cases.as_of IS 'Day whose knowledge of events is used.';
COMMENT ON COLUMN cases.decided_at IS 'When the lane evaluated the case.';
COMMENT ON COLUMN cases.commit IS 'The lane transaction (commits).';

CREATE INDEX cases_screening ON cases (source, case_id, revision) WHERE disposition = 3;

CREATE TABLE reapplied (
    commit         bigint NOT NULL,
    decided_at     timestamptz NOT NULL,
    revision       integer NOT NULL,
    reference_date date NOT NULL,
    as_of          date NOT NULL,
    source         smallint NOT NULL,
    ruleset        smallint NOT NULL,
    disposition    smallint NOT NULL,
    agreement      smallint NOT NULL,
    reason         smallint NOT NULL,
    case_id        text COLLATE "C" NOT NULL,
    result         bytea,
    findings       smallint[],
    projected      smallint[],
    missing        smallint[],
    PRIMARY KEY (source, case_id, revision, ruleset)
);
COMMENT ON TABLE reapplied IS 'Later outcomes of stored cases under other rule sets; append only.';
COMMENT ON COLUMN reapplied.source IS 'As in cases.';
COMMENT ON COLUMN reapplied.case_id IS 'As in cases.';
COMMENT ON COLUMN reapplied.revision IS 'As in cases.';
COMMENT ON COLUMN reapplied.ruleset IS 'Rule set that decided this time.';
COMMENT ON COLUMN reapplied.disposition IS 'As in cases.';
COMMENT ON COLUMN reapplied.agreement IS 'As in cases.';
COMMENT ON COLUMN reapplied.reason IS 'As in cases.';
COMMENT ON COLUMN reapplied.findings IS 'As in cases.';
COMMENT ON COLUMN reapplied.projected IS 'As in cases.';
COMMENT ON COLUMN reapplied.missing IS 'As in cases.';
COMMENT ON COLUMN reapplied.result IS 'As in cases.';
COMMENT ON COLUMN reapplied.reference_date IS 'As in cases.';
COMMENT ON COLUMN reapplied.as_of IS 'As in cases.';
COMMENT ON COLUMN reapplied.decided_at IS 'As in cases.';
COMMENT ON COLUMN reapplied.commit IS 'As in cases.';

CREATE INDEX reapplied_screening ON reapplied (source, case_id, revision) WHERE disposition = 3;

CREATE TABLE commits (
    commit         bigint PRIMARY KEY,
    committed_at   timestamptz NOT NULL,
    lane           uuid NOT NULL,
    mode           text NOT NULL,
    journals       uuid[] NOT NULL,
    low_water      bigint[] NOT NULL,
    received_from  timestamptz,
    received_until timestamptz,
    cases          integer NOT NULL,
    duplicates     integer NOT NULL,
    dead           integer NOT NULL,
    work_us        bigint NOT NULL,
    low_water_at   timestamptz[] NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE commits IS 'One row a lane transaction; append only, so that no two lanes ever wait for one row.';
COMMENT ON COLUMN commits.commit IS 'Random number made by the lane.';
COMMENT ON COLUMN commits.committed_at IS 'The lane''s clock when it began to write.';
COMMENT ON COLUMN commits.lane IS 'The lane; its backend is called casemill/UUID.';
COMMENT ON COLUMN commits.mode IS 'intake; reapply: further outcomes of stored cases; canary: no case, only the proof that work can be committed.';
COMMENT ON COLUMN commits.journals IS 'Broker journals the work came from.';
COMMENT ON COLUMN commits.low_water IS 'Parallel to journals: every sequence number below was done when the work was dispatched.';
COMMENT ON COLUMN commits.received_from IS 'Earliest acceptance among the cases, null when there are none.';
COMMENT ON COLUMN commits.received_until IS 'Latest acceptance among the cases.';
COMMENT ON COLUMN commits.cases IS 'Outcomes written.';
COMMENT ON COLUMN commits.duplicates IS 'Cases that were stored before with the same content.';
COMMENT ON COLUMN commits.dead IS 'Dead letters written.';
COMMENT ON COLUMN commits.work_us IS 'Microseconds from taking the work to writing it.';
COMMENT ON COLUMN commits.low_water_at IS 'Parallel to journals, or empty: everything accepted before was done when the work was dispatched, by the broker''s clock; null if the broker did not report it.';

CREATE INDEX commits_committed_at ON commits USING brin (committed_at);
