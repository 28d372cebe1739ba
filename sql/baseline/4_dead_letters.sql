-- Cases without an outcome, and what operators did.

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

CREATE TABLE operator_actions (
    action  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind    text NOT NULL,
    why     text NOT NULL,
    done_by text NOT NULL DEFAULT session_user,
    done_at timestamptz NOT NULL DEFAULT now(),
    letters bigint[],
    login   text,
    host    text,
    key     text,
    subject text,
    journal uuid,
    until   timestamptz,
    CONSTRAINT operator_actions_kind_check CHECK (kind IN ('pause', 'drain', 'resume', 'retire', 'purge', 'show', 'retry', 'drop', 'activate')),
    CONSTRAINT operator_actions_why_check CHECK (btrim(why) <> '' OR kind IN ('pause', 'drain', 'resume', 'retire'))
);
COMMENT ON TABLE operator_actions IS 'Append only: what operators did, when and why.';
COMMENT ON COLUMN operator_actions.action IS 'Number in order of action.';
COMMENT ON COLUMN operator_actions.kind IS 'pause, drain, resume: of a broker; retire: of a worker or lane; purge: of cases; show, retry, drop: of dead letters; activate: of a rule set.';
COMMENT ON COLUMN operator_actions.why IS 'Reason given by that person; empty where none was given.';
COMMENT ON COLUMN operator_actions.done_by IS 'Database role that logged in.';
COMMENT ON COLUMN operator_actions.done_at IS 'When.';
COMMENT ON COLUMN operator_actions.letters IS 'Of show, retry and drop: the numbers of the dead letters (dead_letters.dead).';
COMMENT ON COLUMN operator_actions.login IS 'User of the operating system who ran the command, as the command reports it: unchecked.';
COMMENT ON COLUMN operator_actions.host IS 'Host on which the command ran, as the command reports it: unchecked.';
COMMENT ON COLUMN operator_actions.key IS 'Of pause, drain, resume and retire: name of the operator''s key at the broker; null where control has no keys.';
COMMENT ON COLUMN operator_actions.subject IS 'Of retire: the worker or lane; of purge: its number (purges); of activate: the id of the rule set.';
COMMENT ON COLUMN operator_actions.journal IS 'Of pause, drain, resume and retire: journal of the broker.';
COMMENT ON COLUMN operator_actions.until IS 'Of pause and drain: when it ends by itself; null: by resume.';

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
COMMENT ON COLUMN dead_letter_ends.fate IS 'dropped: an operator did it (operator_actions); purged: a purge did it.';
COMMENT ON COLUMN dead_letter_ends.first_seen_on IS 'UTC day on which they first came.';
COMMENT ON COLUMN dead_letter_ends.source IS 'Intake system (sources).';
COMMENT ON COLUMN dead_letter_ends.reason IS 'As in dead_letters.';
COMMENT ON COLUMN dead_letter_ends.letters IS 'How many.';
