"""The names in READMEs exist, for check_links.sh: links.py BUILD EXCEPTIONS."""

import os
import re
import shlex
import subprocess
import sys
import tempfile

# What begins a command line of a code block; other blocks are files, output and pictures.
PROGRAMS = ("casemill casemill-broker casemill-worker sh cmake ninja ctest cat cp docker export install mkdir nft "
            "python3 systemctl useradd git clang-format-14 perf gdb").split()
PLACES = ("", "common/", "config/", "tests/")  # a path may begin there, or in the README's folder
# Scripts that run the commands of READMEs; a list of paths.
TESTS = ("tests/*.sh", "tests/*.py", "tests/*.c", "config/demo/run.sh")
# Figures and fields of a message are written like settings there, and figures' names are put together.
NO_SETTINGS = ("tests/bench/README.md", "common/wire/README.md")
SETUP = ("cat", "export", "mkdir")  # what a block begins with; no command of its own
FOREIGN = {"network_mode"}  # of a compose file
GONE = re.compile(r"\.\./shared\b|\b(?:design|style|testing-deployment)\.md\b|\bdesign section\b|(?<!CFR )\bsections? [0-9]")


def tree(*patterns):
    """The files of the tree, tracked or new, and really there."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
                           check=True, capture_output=True, text=True).stdout.splitlines()
    return [name for name in names if os.path.isfile(name)]


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def run_transcripts(page, build):
    """Runs the blocks that make a file (cat >) or show a prompt ($), in order, and yields what is not as shown.

    In shown output ... stands for anything, and the breaks of lines are free.
    """
    with tempfile.TemporaryDirectory() as scratch:
        for name in os.listdir("."):
            if name != "build":
                os.symlink(os.path.abspath(name), os.path.join(scratch, name))
        os.mkdir(os.path.join(scratch, "build"))
        os.symlink(os.path.abspath(build), os.path.join(scratch, "build/release"))
        for block in page.blocks:
            if block[0].startswith("cat >"):
                subprocess.run(["sh", "-c", "\n".join(block)], cwd=scratch, check=True, timeout=20)
            if not block[0].startswith("$ "):
                continue
            for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", "\n".join(block) + "\n", re.M):
                done = subprocess.run(["sh", "-c", command], cwd=scratch, capture_output=True, text=True, timeout=20)
                wanted = [" ".join(part.split()) for part in shown.split("...")]
                pattern = ".*".join(re.escape(part).replace(r"\ ", r"\s*") for part in wanted)
                if not re.search(pattern, " ".join(done.stdout.split()), re.S):
                    yield f"shows another output of: {command}"


class Page:
    """A README: its text, the text between backticks, its code blocks, its headings."""

    def __init__(self, path):
        self.path, self.folder = path, os.path.dirname(path)
        self.blocks, self.headings, prose, block, fenced = [], [], [], [], False
        for line in [*read(path).splitlines(), "end"]:
            is_fence = line.startswith("```")
            if (fenced and not is_fence) or (not fenced and re.match(r" {4}", line) and (block or not prose or not prose[-1].strip())):
                block.append(line if fenced else line[4:])
                continue
            if block and (fenced or line.strip()):
                self.blocks.append(block)
                block = []
            fenced = fenced != is_fence
            prose.append(line)
            if line.startswith("#"):
                self.headings.append(line.lstrip("# ").strip())
        self.prose = "\n".join(prose)
        self.spans = re.findall(r"`([^`\n]+)`", self.prose)

    def commands(self, only_untried=False):
        """Yields the words of each simple command of the code blocks; only_untried: but of those that run_transcripts runs."""
        for block in self.blocks:
            is_commands = False
            heredoc = None
            for line in "\n".join(block).replace("\\\n", " ").splitlines():
                if heredoc:
                    heredoc = None if line.strip() == heredoc else heredoc
                    continue
                shown = line.startswith("$ ")
                found = [words for part in simple_commands(line[2:] if shown else line) for words in [part] if words]
                is_commands = shown or bool(found and program_of(found[0]) in PROGRAMS)
                if is_commands:
                    mark = re.search(r"<<'?([A-Z]+)'?", line)
                    heredoc = mark.group(1) if mark else None
                    yield from (words for words in found if not (shown and only_untried))


def simple_commands(line):
    """Splits a line of shell at &&, ;, | and &; gives the words, without assignments and redirections."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&;|<>")
    lexer.commenters = "#"
    lexer.whitespace_split = True
    words, skip = [], False
    try:
        for word in lexer:
            if set(word) <= set("&;|"):
                yield words
                words, skip = [], False
            elif set(word) <= set("<>"):
                skip = True
            elif skip:
                skip = False
            elif words or not re.match(r"[A-Z_]+=", word):
                words.append(word)
    except ValueError:
        return  # not a shell's quotes: no command
    yield words


def program_of(words):
    return os.path.basename(words[0])


class Help:
    """The verbs and options that the programs print."""

    def __init__(self, build):
        self.bin = os.path.join(build, "bin")
        self.verbs = set(re.findall(r"^  ([a-z][a-z -]*?)  ", self.said("casemill", "--help"), re.M))
        self.options_of = {}

    def said(self, program, *words):
        done = subprocess.run([os.path.join(self.bin, program), *words], capture_output=True, text=True, timeout=20)
        return done.stdout + done.stderr

    def verb_of(self, words):
        """The longest verb that the words begin with; None: no verb."""
        for count in (2, 1):
            if " ".join(words[:count]) in self.verbs:
                return " ".join(words[:count])
        return None

    def options(self, program, verb=""):
        key = (program, verb)
        if key not in self.options_of:
            self.options_of[key] = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", self.said(program, *verb.split(), "--help"))) | {"--help"}
        return self.options_of[key]


def options_in(words):
    return [word.split("=")[0] for word in words if re.match(r"--[a-z]", word)]


def place_of(name, folder):
    for place in (name, f"{folder}/{name}", *(start + name for start in PLACES)):
        if os.path.exists(place):
            return place
    return None


def command_faults(words, page, help_of):
    """The names in a command that do not exist."""
    program = program_of(words)
    if program == "casemill":
        rest = words[1:]
        if not rest or rest[0].startswith("-"):
            return [f"casemill has no {word}" for word in options_in(rest) if word not in ("--help", "--version")]
        verb = help_of.verb_of(rest)
        if verb is None and any(known.startswith(rest[0] + " ") for known in help_of.verbs) and len(rest) == 1:
            return []  # a family: `casemill rules`
        if verb is None:
            return [f"casemill has no verb {' '.join(rest[:2])}"]
        return [f"casemill {verb} has no {word}" for word in options_in(rest) if word not in help_of.options("casemill", verb)]
    if program in ("casemill-broker", "casemill-worker"):
        return [f"{program} has no {word}" for word in options_in(words) if word not in help_of.options(program)]
    if program in ("sh", "python3") and len(words) > 1 and not words[1].startswith("-"):
        script = place_of(words[1], page.folder)
        if script is None:
            return [] if words[1].isupper() else [f"there is no {words[1]}"]
        return [f"{script} has no {word}" for word in options_in(words) if word not in read(script)]
    if program == "cmake" and "--preset" in words:
        preset = words[words.index("--preset") + 1]
        return [] if f'"name": "{preset}"' in read("CMakePresets.json") else [f"there is no preset {preset}"]
    return []


def bare_faults(page, help_of, known_options):
    """Verbs and options without a program: `dead show`, `--resume FILE`."""
    families = {verb.split()[0] for verb in help_of.verbs if " " in verb}
    for span in page.spans:
        words = span.split()
        if len(words) > 1 and words[0] in families and re.fullmatch(r"[a-z]+", words[1]) and help_of.verb_of(words) is None:
            yield f"names the verb {' '.join(words[:2])}, which is not there"
        if program_of(words) not in PROGRAMS:
            for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", span)) - known_options:
                yield f"names the option {option}, which no program of the tree has"


def path_faults(page):
    """Paths between backticks; names in capitals and patterns are placeholders."""
    pattern = re.compile(r"^[a-z.][a-z0-9_./-]*(/|\.(c|cc|h|md|sh|yaml|sql|py|txt|supp))$")
    for name in sorted({word for span in page.spans for word in span.split()}):
        if pattern.match(name) and not re.match(r"^(\.\.?/\.\.|build/|/)|^\.\./shared", name) and not place_of(name, page.folder):
            yield f"names {name}, which is not there"
    for name in re.findall(r"\]\(([^)#:]+)[^)]*\)", page.prose):
        if not place_of(name, page.folder):
            yield f"links to {name}, which is not there"


def section_faults(page, headings):
    """Headings that a sentence or a link leads to: "see Reload", [text](README.md#reload)."""
    for text in re.findall(r"\b[Ss]ee ([A-Z][a-z]+(?: [a-z]+)*)(?=[.,;:)\n])", page.prose):
        if text not in page.headings:
            yield f"has \"see {text}\" without such a heading"
    for name, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.prose):
        there = headings.get(place_of(name, page.folder) if name else page.path, [])
        if anchor not in [re.sub(r"[^a-z0-9 -]", "", text.lower()).replace(" ", "-") for text in there]:
            yield f"links to #{anchor}, which is no heading of {name or page.path}"


def name_faults(page, known_words, settings, views):
    """Settings, views, and identifiers, which must be in a file of the tree that is no README; verb_NAME is a pattern."""
    sections = {name.split(".")[0] for name in settings}
    for span in page.spans if page.path not in NO_SETTINGS else ():
        for word in re.findall(r"(?<![\w./*-])[a-z]+\.[a-z_]+(?![\w./(*-])", span):
            section, name = word.split(".")
            if section == "report" and name not in views and name not in ("c", "h"):
                yield f"names the view {word}, which is not there"
            elif section in sections and word not in settings and not re.search(r"\.(sock|secret|key|pub|env|c|h|md|sh|yaml|sql|py)$", word):
                yield f"names the setting {word}, which is not there"
        for word in re.findall(r"(?<![\w$-])[A-Za-z][A-Za-z0-9]*_[A-Za-z0-9_]+(?![\w*-])", span):
            if re.search(r"[a-z].*_[A-Z]{2}|[A-Z]{2}.*_[a-z]", word):
                continue
            if word not in known_words and re.sub(r"^casemill_(broker|worker)_|_total$", "", word) not in known_words:
                yield f"names {word}, which is nowhere in the tree"


def is_run(words, help_of, lines):
    """Whether a test has the command: its verb, and each of its options on some line with that verb."""
    program = program_of(words)
    rest = words[1:]
    if program == "casemill":
        verb = help_of.verb_of(rest)
        calls = [line for line in lines if re.search(r"casemill[\"']?,? [\"']?" + re.sub(" ", r"[\"']?,? [\"']?", verb or "-") + r"(?![\w-])", line)]
    elif program in ("casemill-broker", "casemill-worker"):
        calls = [line for line in lines if program in line]
    elif program in ("sh", "python3"):
        calls = [line for line in lines if rest and os.path.basename(rest[0]) in line]
    elif program in ("cmake", "ninja", "ctest"):
        calls = [line for line in lines if re.search(r"(^|[\s;&|(])" + program + r"\s", line)]
    else:
        calls = [program] if program in SETUP else [line for line in lines if " ".join(words) in line]
    options = options_in(rest) if program.startswith("casemill") or program == "sh" else []
    return bool(calls) and all(any(option in line for line in calls) for option in options)


def test_lines():
    """Lines of the tests without comments; continued lines are joined."""
    for path in tree(*TESTS):
        if not path.startswith("tests/unit/links"):
            for line in read(path).replace("\\\n", " ").splitlines():
                if not re.match(r"\s*(#|/\*|\*|//)", line):
                    yield line


def read_exceptions(path):
    """COMMAND - REASON, one per line."""
    rows = [line.partition(" - ") for line in read(path).splitlines() if line and not line.startswith("#")]
    for command, _, reason in rows:
        if not reason:
            sys.exit(f"check_links: {path}: no reason for {command}")
    return {command for command, _, _ in rows}


def unrun_commands(pages, help_of, exceptions_path):
    lines = list(test_lines())
    exceptions = read_exceptions(exceptions_path)
    needed = set()
    for page in pages:
        for words in page.commands(only_untried=True):
            text = " ".join(words)
            if is_run(words, help_of, lines):
                continue
            excepted = [start for start in exceptions if text == start or text.startswith(start + " ")]
            needed.update(excepted)
            if not excepted:
                yield f"{page.path}: no test runs: {text}"
    for command in sorted(exceptions - needed):
        yield f"{exceptions_path} has an exception that is not needed: {command}"


def gone_documents():
    """Documents that are not in the repository; a file that reads one prints "skipped" if it does not exist."""
    for path in tree():
        if path.startswith("tests/fuzz/regression/") or path in ("tests/unit/links.py",):
            continue
        text = read(path)
        for number, line in enumerate(text.splitlines(), 1):
            found = GONE.search(line)
            if found and not (found.group(0) == "../shared" and "skipped" in text.lower()):
                yield f"{path}:{number} names what is not in the repository: {found.group(0)}"


def folders_without_page():
    sources = tree("*.c", "*.sh", "*.sql", "*.yaml")
    for folder in sorted({os.path.dirname(path) for path in sources}):
        if folder and not folder.startswith(".") and "/data/" not in folder and not folder.endswith("agreements"):
            if not os.path.exists("config/README.md" if folder == "config/demo" else f"{folder}/README.md"):
                yield f"{folder} has no README.md"


def known_names():
    words, settings, views, options = set(FOREIGN), set(), set(), set()
    for path in tree():
        words.add(os.path.splitext(os.path.basename(path))[0])
        if path.endswith(".md"):
            continue
        text = read(path)
        words.update(re.findall(r"[A-Za-z][A-Za-z0-9_]*", text))
        options.update(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
        if path.endswith("settings_table.h"):
            settings.update(re.findall(r"\"([a-z]+\.[a-z_]+)\"", text))
        if path.startswith("sql/"):
            views.update(re.findall(r"report\.([a-z_]+)", text))
    return words, settings, views, options


def main(build, exceptions_path):
    help_of = Help(build)
    pages = [Page(path) for path in tree("*.md")]
    headings = {page.path: page.headings for page in pages}
    words, settings, views, options = known_names()
    options.update(*(help_of.options("casemill", verb) for verb in help_of.verbs))
    looked, faults = 0, []
    for page in pages:
        found = [*path_faults(page), *section_faults(page, headings), *name_faults(page, words, settings, views)]
        found += [*bare_faults(page, help_of, options), *run_transcripts(page, build)]
        commands = list(page.commands())
        commands += [part for span in page.spans for part in simple_commands(span) if part and program_of(part) in PROGRAMS]
        found += [fault for command in commands for fault in command_faults(command, page, help_of)]
        faults += [f"{page.path} {fault}" for fault in dict.fromkeys(found)]
        looked += len(page.spans) + len(commands)
    faults += [*unrun_commands(pages, help_of, exceptions_path), *gone_documents(), *folders_without_page()]
    for fault in faults:
        print(f"check_links: {fault}")
    print(f"{max(looked - len(faults), 0)} passed, {len(faults)} failed")
    sys.exit(bool(faults) or looked == 0)


main(*sys.argv[1:])
