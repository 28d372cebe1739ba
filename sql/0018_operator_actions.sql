-- One table for everything that operators do, which was that of dead letters; and purges of one case.
ALTER TABLE dead_letter_actions RENAME TO operator_actions;
ALTER SEQUENCE dead_letter_actions_action_seq RENAME TO operator_actions_action_seq;
ALTER INDEX dead_letter_actions_pkey RENAME TO operator_actions_pkey;
ALTER TABLE operator_actions
    DROP CONSTRAINT dead_letter_actions_kind_check,
    DROP CONSTRAINT dead_letter_actions_why_check,
    ALTER COLUMN letters DROP NOT NULL,
    ADD COLUMN login text,
    ADD COLUMN host text,
    ADD COLUMN key text,
    ADD COLUMN subject text,
    ADD COLUMN journal uuid,
    ADD COLUMN until timestamptz,
    ADD CONSTRAINT operator_actions_kind_check CHECK (kind IN ('pause', 'drain', 'resume', 'retire', 'purge', 'show', 'retry', 'drop', 'activate')),
    ADD CONSTRAINT operator_actions_why_check CHECK (btrim(why) <> '' OR kind IN ('pause', 'drain', 'resume', 'retire'));
COMMENT ON TABLE operator_actions IS 'Append only: what operators did, when and why.';
COMMENT ON COLUMN operator_actions.kind IS 'pause, drain, resume: of a broker; retire: of a worker or lane; purge: of cases; show, retry, drop: of dead letters; activate: of a rule set.';
COMMENT ON COLUMN operator_actions.why IS 'Reason given by that person; empty where none was given.';
COMMENT ON COLUMN operator_actions.letters IS 'Of show, retry and drop: the numbers of the dead letters (dead_letters.dead).';
COMMENT ON COLUMN operator_actions.login IS 'User of the operating system who ran the command, as the command reports it: unchecked.';
COMMENT ON COLUMN operator_actions.host IS 'Host on which the command ran, as the command reports it: unchecked.';
COMMENT ON COLUMN operator_actions.key IS 'Of pause, drain, resume and retire: name of the operator''s key at the broker; null where control has no keys.';
COMMENT ON COLUMN operator_actions.subject IS 'Of retire: the worker or lane; of purge: its number (purges); of activate: the id of the rule set.';
COMMENT ON COLUMN operator_actions.journal IS 'Of pause, drain, resume and retire: journal of the broker.';
COMMENT ON COLUMN operator_actions.until IS 'Of pause and drain: when it ends by itself; null: by resume.';

ALTER TABLE purges
    ALTER COLUMN received_before DROP NOT NULL,
    ADD COLUMN case_id text COLLATE "C",
    ADD COLUMN revision integer,
    ADD CONSTRAINT purges_choice_check CHECK (num_nulls(received_before, case_id) = 1 AND (revision IS NULL OR case_id IS NOT NULL));
COMMENT ON COLUMN purges.received_before IS 'Cases accepted before this moment; null for a purge of one case.';
COMMENT ON COLUMN purges.dead_letters IS 'Dead letters removed: theirs, and those last seen before that moment, or of that case.';
COMMENT ON COLUMN purges.case_id IS 'The case of a purge of one case; null for a purge by date.';
COMMENT ON COLUMN purges.revision IS 'The revision of that case; null for all of them.';
COMMENT ON COLUMN dead_letter_ends.fate IS 'dropped: an operator did it (operator_actions); purged: a purge did it.';
