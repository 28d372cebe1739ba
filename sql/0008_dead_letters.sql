-- Operators look at dead letters, have them tried again and drop them; who did what and why is kept.

ALTER TABLE dead_letters ADD COLUMN resolved_at timestamptz, ADD COLUMN resolved_by bigint;
COMMENT ON COLUMN dead_letters.resolved_at IS 'When a retry of it gave its case an outcome, by the lane''s clock; null while it is open.';
COMMENT ON COLUMN dead_letters.resolved_by IS 'That lane transaction (commits).';
COMMENT ON COLUMN dead_letters.reason IS 'Word of a closed list: a decoding fault, conflict, not_storable or poison; of a reapplication: not_a_triple, no_such_case, no_such_ruleset, ruleset_refused, not_allowed, not_in_schema or digest_differs; of a retry: not_a_letter, no_such_letter or not_allowed.';
COMMENT ON COLUMN dead_letters.body IS 'The case''s MessagePack bytes as sent: personal data; of a reapplication the triple that named the case, of a retry the number that named the letter.';

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

CREATE OR REPLACE VIEW report.dead_letters AS
    SELECT x.dead, s.name AS source, x.reason, x.path, x.expected, x.found, x.case_id, x.revision,
           x.batch, x.position, x.first_seen_at, x.last_seen_at, x.seen
    FROM dead_letters x JOIN sources s USING (source)
    WHERE x.resolved_at IS NULL
      AND (x.reason IN ('conflict', 'no_such_ruleset', 'ruleset_refused', 'not_allowed', 'not_in_schema', 'digest_differs')
           OR NOT EXISTS (SELECT FROM cases c
                          WHERE c.source = x.source AND c.case_id = x.case_id AND c.revision = x.revision));
COMMENT ON VIEW report.dead_letters IS 'Open dead letters without their bytes: one whose case has an outcome by now is left out; conflicts stay until they are resolved or dropped, and what could not be reapplied.';
