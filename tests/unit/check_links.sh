#!/bin/sh
# The names in READMEs exist: files, headings, settings, views, identifiers, verbs and options of the programs. The
# shown commands work: a test runs each command of a code block. A block with a prompt ($) is run here and must print
# what it shows. No page names a document that is not in the repository, and every folder of the source has a README.
# A failure means that a page names a place that does not exist: fix the sentence with the move.
# command_exceptions.txt lists commands that no test can run, each with its reason; it only ever shrinks.
# CASEMILL_BUILD names the build whose programs are asked (default build/release).
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${CASEMILL_BUILD:-build/release}
[ -x "$build/bin/casemill" ] || { echo "check_links: no build in $build" && echo "0 passed, 1 failed" && exit 1; }
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/unit/links.py "$build" tests/unit/command_exceptions.txt
