-- Cases without an outcome, and what operators did with them.

CREATE TABLE dead_letters (
    dead          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source        smallint NOT NULL,
    raw_hash      uuid NOT NULL,
    reason        text NOT NULL,
    path          text NOT NULL,
    expected      text NOT NULL,
    found         text NOT NULL,
    case_id       text COLLATE "C",
    revision      integer,
    body          bytea NOT NULL,
    history       jsonb,
    batch         uuid NOT NULL,
    position      integer NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    seen          integer NOT NULL DEFAULT 1,
    commit        bigint NOT NULL,
    resolved_at   timestamptz,
    resolved_by   bigint,
    received_at   timestamptz,
    digest        uuid,
    reapplied     boolean NOT NULL DEFAULT false,
    UNIQUE (source, raw_hash, reason)
);
COMMENT ON TABLE dead_letters IS 'Cases that got no outcome, with their bytes and the reason; written once, counted again.';
COMMENT ON COLUMN dead_letters.dead IS 'Its number, to name it by.';
COMMENT ON COLUMN dead_letters.source IS 'Intake system (sources).';
COMMENT ON COLUMN dead_letters.raw_hash IS 'XXH3-128 of the bytes as sent.';
COMMENT ON COLUMN dead_letters.reason IS 'Word of a closed list: a decoding fault, conflict, not_storable or poison; of a reapplication: not_a_triple, no_such_case, no_such_ruleset, ruleset_refused, not_allowed, not_in_schema, too_large, not_storable or digest_differs; of a retry: not_a_letter, no_such_letter, not_a_case or not_allowed.';
COMMENT ON COLUMN dead_letters.path IS 'Where in the case.';
COMMENT ON COLUMN dead_letters.expected IS 'What the schema wants; for a conflict the stored digest.';
COMMENT ON COLUMN dead_letters.found IS 'The type found, never the value; for a conflict the digest sent.';
COMMENT ON COLUMN dead_letters.case_id IS 'As sent, null when it could not be read.';
COMMENT ON COLUMN dead_letters.revision IS 'As sent, null when it could not be read.';
COMMENT ON COLUMN dead_letters.body IS 'The case''s MessagePack bytes as sent: personal data; of a reapplication the triple that named the case, of a retry the number that named the letter.';
COMMENT ON COLUMN dead_letters.history IS 'Of a poisoned case: its attempts.';
COMMENT ON COLUMN dead_letters.batch IS 'Batch in which it first came.';
COMMENT ON COLUMN dead_letters.position IS 'Index in that batch, from 0.';
COMMENT ON COLUMN dead_letters.first_seen_at IS 'The lane''s clock at the first time.';
COMMENT ON COLUMN dead_letters.last_seen_at IS 'The lane''s clock at the last time.';
COMMENT ON COLUMN dead_letters.seen IS 'How often it came.';
COMMENT ON COLUMN dead_letters.commit IS 'Lane transaction of the first time (commits).';
COMMENT ON COLUMN dead_letters.resolved_at IS 'When a retry of it gave its case an outcome, by the lane''s clock; null while it is open.';
COMMENT ON COLUMN dead_letters.resolved_by IS 'That lane transaction (commits).';
COMMENT ON COLUMN dead_letters.received_at IS 'When the broker accepted the batch in which it first came; null of letters from before this column.';
COMMENT ON COLUMN dead_letters.digest IS 'As in cases, of what was sent; null where nobody could read it.';
COMMENT ON COLUMN dead_letters.reapplied IS 'It is of a reapplication: its bytes name the case.';

CREATE INDEX dead_letters_case ON dead_letters (source, case_id, revision);

CREATE TABLE dead_letter_actions (
    action  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind    text NOT NULL CHECK (kind IN ('show', 'retry', 'drop')),
    why     text NOT NULL CHECK (btrim(why) <> ''),
    done_by text NOT NULL DEFAULT session_user,
    done_at timestamptz NOT NULL DEFAULT now(),
    letters bigint[] NOT NULL
);
COMMENT ON TABLE dead_letter_actions IS 'Append only: who looked at, retried or dropped which dead letters, when and why.';
COMMENT ON COLUMN dead_letter_actions.action IS 'Number in order of action.';
COMMENT ON COLUMN dead_letter_actions.kind IS 'show: the body was printed; retry: sent to the broker again; drop: removed.';
COMMENT ON COLUMN dead_letter_actions.why IS 'Reason given by that person.';
COMMENT ON COLUMN dead_letter_actions.done_by IS 'Database role that logged in.';
COMMENT ON COLUMN dead_letter_actions.done_at IS 'When.';
COMMENT ON COLUMN dead_letter_actions.letters IS 'Their numbers (dead_letters.dead).';

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
