#!/bin/sh
# Limits of the database are found before a rule set is in use. `rules check` refuses names that no fact's column can have, at
# their place. `rules publish` reports in one line that too few codes are left, and uses up none.
# A failure means that an operator learns of a limit from PostgreSQL's own words, or from a worker.
# suite: full
. "$(dirname "$0")/lib.sh"

database_start
# --- names: each column of cases that holds no fact
mkdir -p "$work/rules/agreements"
cp tests/data/rules/agreements/STATUS.yaml "$work/rules/agreements/"
own=$(pg_sql "select string_agg(attname, ' ') from pg_attribute where attrelid = 'cases'::regclass and not attisdropped
    and (attnum < 0 or attnotnull or attname in ('findings', 'projected', 'missing', 'result'))")
own="$own $(pg_sql "select string_agg(a.attname, ' ') from pg_attribute a where a.attrelid = 'report.cases'::regclass and a.attnum > 0
    and not exists (select from pg_attribute c where c.attrelid = 'cases'::regclass and c.attname = a.attname)")"
check "the columns of casemill are known: $(echo "$own" | wc -w)" [ "$(echo "$own" | wc -w)" -ge 24 ]
for name in $own; do
    { cat tests/data/rules/case.yaml; echo "  $name: {type: bool}"; } >"$work/rules/case.yaml"
    if casemill rules check "$work/rules" >"$work/check.out" 2>&1; then
        not_ok "a fact named $name is refused"
    else
        contains "a fact named $name is refused at its place" "$work/check.out" "case[.]yaml:19:3: $name (is the name of a column|is a built-in)"
    fi
done

# --- codes: few are left
codes() { pg_sql "select count(*) || ' ' || max(code) from codes"; }
publish_other() { # publish_other ID: the shipped agreement of Guatemala under that id
    rm -rf "$work/other"
    mkdir -p "$work/other/agreements"
    cp config/case.yaml "$work/other/"
    sed "s/US-GT-ACA-2019/$1/g" config/agreements/US-GT-ACA-2019.yaml >"$work/other/agreements/$1.yaml"
    casemill rules publish "$work/other" --db "$pg_conninfo" >"$work/publish.out" 2>"$work/publish.err"
}
published=$(rows rulesets)
pg_sql "insert into codes (code, kind, agreement) overriding system value values (32760, 'agreement', 'FILLER')" || abort "a filler"
before=$(codes)
publish_other FULL
equal "too few codes: publish fails" $? 1
contains "in words" "$work/publish.err" "needs [0-9]+ new codes, and 7 of 32767 are left: a code numbers an agreement"
equal "on one line" "$(wc -l <"$work/publish.err")" 1
equal "nothing is published" "$(rows rulesets)" "$published"
equal "and no code is made" "$(codes)" "$before"
casemill rules publish config --set US-GT-ACA-2019.transit_gate=false --db "$pg_conninfo" >"$work/publish.out" 2>"$work/publish.err"
equal "a set without new codes is published" "$?" 0
pg_sql "delete from codes where agreement = 'FILLER'; alter table codes alter column code restart with 32765"
publish_other SPENT
equal "numbers used up by failed publications: publish fails" $? 1
contains "in the same words" "$work/publish.err" "needs [0-9]+ new codes, and 0 of 32767 are left"
pg_sql "alter table codes alter column code restart with 1000"
publish_other ROOM
equal "with numbers left it is published" $? 0
equal "each agreement has one code" "$(pg_sql "select count(*) from codes where kind = 'agreement' and agreement = 'ROOM'")" 1
finish
