# Sets casemill.h as the manual page casemill(3): awk -v version=V -f manual.awk casemill.h submit.c
# A comment that begins with a function's name describes it; its prototype follows.  The paragraphs of the first comment are
# the description.  Types are shown as they stand, with their comments.  The second file is the example.
function escape(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    gsub(/^[.']/, "\\\\\\&&", text)
    return text
}
function bold(text) {
    gsub(/casemill_[a-z_]+/, "\\fB&\\fP", text)
    return text
}
# Words of a comment: a line that begins with "Word:" is a paragraph of its own.
function prose(text,   line, i, n) {
    n = split(text, line, "\n")
    for (i = 1; i <= n; i++) {
        if (line[i] ~ /^[A-Z][a-z]+:/) {
            print ".sp"
            sub(/^[A-Z][a-z]+:/, "\\fB&\\fP", line[i])
            print escape_kept(line[i])
        } else if (line[i] != "") print bold(escape(line[i]))
    }
}
function escape_kept(text,   head, rest) {
    match(text, /\\fB[A-Za-z]+:\\fP/)
    head = substr(text, 1, RLENGTH)
    rest = substr(text, RLENGTH + 1)
    return head bold(escape(rest))
}
FNR == 1 { file++ }
file == 2 { example = example escape($0) "\n"; next }
/^\/\*/ { comment = ""; in_comment = 1 }
in_comment {
    text = $0
    ended = text ~ /\*\/$/
    sub(/^\/\* ?/, "", text)
    sub(/^ \* ?/, "", text)
    sub(/ ?\*\/$/, "", text)
    comment = comment text "\n"
    if (ended) {
        in_comment = 0
        if (purpose == "") { purpose = comment; comment = "" }
    }
    next
}
/^#|^extern "C"|^}$|^$/ && !in_type && !in_prototype { next }
# a type, to its closing line
/^(struct|enum)( [a-z_]+)? \{/ || in_type {
    if (!in_type && comment != "") types = types "/* " escape(comment_line(comment)) " */\n"
    comment = ""
    types = types escape($0) "\n"
    in_type = $0 !~ /};$/
    if (!in_type) types = types "\n"
    next
}
/^typedef/ || /^struct casemill;/ { # before the type that has it
    if (comment != "") types = types "/* " escape(comment_line(comment)) " */\n"
    types = types escape($0) "\n\n"
    comment = ""
    next
}
{
    prototype = prototype (in_prototype ? "\n" : "") $0
    in_prototype = $0 !~ /;/
    if (in_prototype) next
    count++
    prototypes[count] = prototype
    about[count] = comment
    prototype = comment = ""
}
function comment_line(text) { gsub(/\n/, " ", text); sub(/ +$/, "", text); return text }
END {
    print ".\\\" Made from casemill.h and example/submit.c by manual.awk."
    print ".TH CASEMILL 3 \"\" \"casemill " version "\" \"Library Functions\""
    print ".SH NAME\ncasemill \\- submit cases to a casemill broker and receive their results"
    print ".SH SYNOPSIS\n.nf\n.B #include <casemill.h>\n"
    for (i = 1; i <= count; i++) print bold(escape(prototypes[i]))
    print "\n.B cc \\fIprogram.c\\fB $(pkg\\-config \\-\\-cflags \\-\\-libs casemill)\n.fi"
    print ".SH DESCRIPTION"
    prose(purpose)
    print ".SH FUNCTIONS"
    for (i = 1; i <= count; i++) {
        print ".PP\n.nf\n" bold(escape(prototypes[i])) "\n.fi\n.RS 4"
        if (about[i] == "") { print "manual.awk: no comment before: " prototypes[i] > "/dev/stderr"; bad = 1 }
        prose(about[i])
        print ".RE"
    }
    print ".SH TYPES\n.nf"
    printf "%s", types
    print ".fi\n.SH EXAMPLE\n.nf"
    printf "%s", example
    print ".fi\n.SH SEE ALSO\n.BR zmq (7)"
    exit bad
}
