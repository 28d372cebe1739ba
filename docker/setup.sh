#!/bin/sh
# First start of a deployment: migrations, the shipped rules, and their activation if nothing is active
# yet.  Safe to run at every start; the connection is CASEMILL_POSTGRES_CONNINFO.
#   sh setup.sh REASON        REASON is kept with the activation
set -eu
rules=/etc/casemill
casemill db migrate --rules "$rules"
published=$(casemill rules publish "$rules")
echo "$published"
# every line of the list is a rule set; the word "active" marks the active one
if casemill rules list | grep -qE "(^|[[:space:]])active([[:space:]]|$)"; then
    echo "rules are active already: activating others is a decision, not a start-up step"
else
    casemill rules activate "${published##* }" --why "${1:?why}"
fi
