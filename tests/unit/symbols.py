"""Reads the symbols of a build's objects, for check_symbols.sh: symbols.py BUILD EXCEPTIONS."""

import json
import os
import re
import subprocess
import sys

FOLDERS = ("broker", "worker", "common")
NOT_CALLED_BY_US = {"main", "LLVMFuzzerTestOneInput"}  # the C runtime and libFuzzer call them


def objects(build):
    """Yields (object, source) of each compile command whose source is there, as paths below the tree or the build."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    for command in commands:
        place = re.search(r" -o (\S+)", command["command"]).group(1)
        source = os.path.realpath(command["file"])
        if not os.path.exists(source):
            continue
        inside = os.path.relpath(source, os.path.realpath(build))
        yield os.path.join(command["directory"], place), os.path.relpath(source) if inside.startswith("..") else inside


def read_symbols(build):
    """Returns two maps: source -> names it defines, source -> names it needs from other files."""
    sources = dict(objects(build))
    missing = [place for place in sources if not os.path.exists(place)]
    if missing:
        sys.exit(f"check_symbols: {len(missing)} objects were not built, the first is {missing[0]}")
    listing = subprocess.run(["nm", "-A", "-P", *sources], check=True, capture_output=True, text=True).stdout
    defines, wants = {}, {}
    for line in listing.splitlines():
        place, name, kind = re.match(r"(.*?): (\S+) (\S)", line).groups()
        if kind in "TDBRGSC":
            defines.setdefault(sources[place], set()).add(name)
        elif kind == "U":
            wants.setdefault(sources[place], set()).add(name)
    return defines, wants


def folder_of(source):
    """broker, worker, common/NAME; None for tests."""
    folder = os.path.dirname(source)
    return folder if folder.split("/")[0] in FOLDERS else None


def strong_components(edges):
    """Tarjan's algorithm, without recursion: the components of more than one file."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []
    for root in edges:
        work = [(root, iter(()))] if root not in index else []
        while work:
            node, rest = work[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
                rest = iter(sorted(edges[node]))
                work[-1] = (node, rest)
            for after in rest:
                if after not in index:
                    work.append((after, iter(())))
                    break
                if after in on_stack:
                    low[node] = min(low[node], index[after])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part = set()
                    while node not in part:
                        part.add(stack.pop())
                    on_stack -= part
                    if len(part) > 1:
                        found.append(part)
    return found


def circles(defines, wants):
    """Returns (key, text) of each circle of files in one folder: A uses what B defines, and B what A defines."""
    homes = {name: source for source in defines if folder_of(source) for name in defines[source]}
    edges = {source: {} for source in defines if folder_of(source)}
    for source in edges:
        for name in sorted(wants.get(source, ())):
            home = homes.get(name, source)
            if home != source and folder_of(home) == folder_of(source):
                edges[source].setdefault(home, []).append(name)
    for part in strong_components(edges):
        folder = folder_of(min(part))
        names = " ".join(sorted(os.path.splitext(os.path.basename(source))[0] for source in part))
        uses = [f"    {source} uses of {home}: {' '.join(edges[source][home])}"
                for source in sorted(part) for home in sorted(edges[source]) if home in part]
        yield f"circle {folder}: {names}", "\n".join(["files that use each other: split off what both need", *uses])


def lonely(defines, wants):
    """Returns (key, text) of each external name that no other file uses, or that tests alone use."""
    users = {}
    for source, names in wants.items():
        for name in names:
            users.setdefault(name, set()).add(source)
    for source in sorted(defines):
        for name in sorted(defines[source] - NOT_CALLED_BY_US):
            others = users.get(name, set()) - {source}
            if not others:
                yield f"alone {name}", f"{source}: no other file uses it: make it static or delete it"
            elif folder_of(source) and not any(folder_of(other) for other in others):
                yield f"tests {name}", f"{source}: tests alone use it: {' '.join(sorted(others))}"


def nameless(defines):
    """Returns (key, text) of each family of names that does not begin with a word of a file's name, or of the folder's."""
    words = {}
    for source in defines:
        folder = folder_of(source)
        if folder:
            for word in re.split(r"[_/]", f"{os.path.basename(folder)}_{os.path.splitext(os.path.basename(source))[0]}"):
                words.setdefault(folder, set()).update({word, word.rstrip("s"), word + "s"})
    families = {}
    for source in sorted(defines):
        folder = folder_of(source)
        for name in sorted(defines[source] - NOT_CALLED_BY_US) if folder else ():
            first, _, rest = name.partition("_")
            if first not in words[folder] or not rest:
                families.setdefault(f"prefix {folder} {first}", []).append(f"{source} {name}")
    for key, names in families.items():
        yield key, f"no file or folder has that name, which begins that of: {', '.join(names[:3])}"


def read_exceptions(path):
    """KEY - REASON, one per line."""
    with open(path, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    rows = [line.partition(" - ") for line in lines if line and not line.startswith("#")]
    for key, _, reason in rows:
        if not reason:
            sys.exit(f"check_symbols: {path}: no reason for {key}")
    return {key for key, _, _ in rows}


def main(build, exceptions_path):
    defines, wants = read_symbols(build)
    exceptions = read_exceptions(exceptions_path)
    found = dict([*circles(defines, wants), *lonely(defines, wants), *nameless(defines)])
    faults = [f"{key} - {found[key]}" for key in sorted(found.keys() - exceptions)]
    faults += [f"{exceptions_path} has an exception that is not needed: {key}" for key in sorted(exceptions - found.keys())]
    for fault in faults:
        print(f"check_symbols: {fault}")
    names = sum(len(names) for names in defines.values())
    print(f"{names - len(faults)} passed, {len(faults)} failed")
    sys.exit(bool(faults) or names == 0)


main(*sys.argv[1:])
