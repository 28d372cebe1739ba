-- Cases that are no longer kept leave a tombstone.  A revision that comes again is then still a duplicate or a conflict,
-- and never gets a second outcome.

CREATE TABLE purges (
    purge           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source          smallint NOT NULL REFERENCES sources,
    received_before timestamptz,
    why             text NOT NULL CHECK (btrim(why) <> ''),
    purged_by       text NOT NULL DEFAULT session_user,
    purged_at       timestamptz NOT NULL DEFAULT now(),
    cases           bigint NOT NULL DEFAULT 0,
    reapplied       bigint NOT NULL DEFAULT 0,
    dead_letters    bigint NOT NULL DEFAULT 0,
    case_id         text COLLATE "C",
    revision        integer,
    CONSTRAINT purges_choice_check CHECK (num_nulls(received_before, case_id) = 1 AND (revision IS NULL OR case_id IS NOT NULL))
);
COMMENT ON TABLE purges IS 'Who removed which cases, when and why; rows stay.';
COMMENT ON COLUMN purges.purge IS 'Number in order of purging.';
COMMENT ON COLUMN purges.source IS 'Whose cases (sources).';
COMMENT ON COLUMN purges.received_before IS 'Cases accepted before this moment; null for a purge of one case.';
COMMENT ON COLUMN purges.why IS 'Reason given by that person.';
COMMENT ON COLUMN purges.purged_by IS 'Database role that logged in.';
COMMENT ON COLUMN purges.purged_at IS 'When it began.';
COMMENT ON COLUMN purges.cases IS 'Case revisions removed so far.';
COMMENT ON COLUMN purges.reapplied IS 'Their further outcomes removed.';
COMMENT ON COLUMN purges.dead_letters IS 'Dead letters removed: theirs, and those last seen before that moment, or of that case.';
COMMENT ON COLUMN purges.case_id IS 'The case of a purge of one case; null for a purge by date.';
COMMENT ON COLUMN purges.revision IS 'The revision of that case; null for all of them.';

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
COMMENT ON COLUMN purged.digest IS 'As in cases: distinguishes a duplicate from a conflict.';
COMMENT ON COLUMN purged.disposition IS 'As in cases: what a duplicate is counted under.';
COMMENT ON COLUMN purged.purge IS 'By which purge (purges).';
