#!/usr/bin/env python3
"""Seeds for the fuzz targets, one folder per target: golden frames of the protocol, the shipped documents and a few cases.
The expressions come from the language's own test files (../shared/cel; skipped if they do not exist).
Usage: seeds.py FOLDER."""
import gzip
import hashlib
import json
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FEW = [
    "a && (b || !a) ? x < 3 : s in ['x', \"y\"]",
    "[1, 2, x].map(v, v > 0, v * 2).exists_one(z, z == 2)",
    "people.exists(p, p.age < 18 && !p.adult) || word == 'air'",
    "cel.bind(t, s + 'q', t.matches('^[a-z]+$') && t.size() < 3)",
    "years(day, add_months(day, 18, 'clip')) == 1",
    "m[?s].orValue(0) > 0 && words.all(i, w, w != s)",
    "any == 1u || d > 1.5 || y == b'\\xff'",
    "t + p > timestamp('2009-02-13T23:31:30.5Z')",
]


def pack(value):
    """MessagePack of what cases are made of."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return bytes([value]) if 0 <= value < 128 else b"\xd3" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode()
        return (bytes([0xA0 | len(text)]) if len(text) < 32 else b"\xda" + struct.pack(">H", len(text))) + text
    if isinstance(value, list):
        return bytes([0x90 | len(value)]) + b"".join(map(pack, value))
    return b"\xde" + struct.pack(">H", len(value)) + b"".join(pack(k) + pack(v) for k, v in value.items())


def keep(folder, seeds):
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (folder / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


def expressions():
    found = [text.encode() for text in FEW]
    paths = sorted((ROOT.parent / "shared/cel").glob("*.jsonl"))
    if not paths:
        print("skipped: the language's own test files are not there", file=sys.stderr)
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            found.append(json.loads(line)["expr"].encode("utf-8", "surrogatepass"))
    return found


def cases():
    facts = {"claim_country": "US", "nationalities": ["HN", "GT"], "entry_mode": "land_poe", "stateless": False,
             "entry_date": "2020-01-10", "minor_ctx": {"accompanied": True, "guardian_in_us": None},
             "family_anchors": [{"relation": "spouse", "age_18_plus": True}], "unknown_fact": [1, {"a": 0.5}]}
    bare = {"case_id": "A-1", "revision": 1, "reference_date": "2020-02-01", "as_of": "2020-02-01"}
    known = {name: value for name, value in facts.items() if name != "unknown_fact"}
    return [pack({**bare, "facts": facts}), pack({**bare, "facts": known}), pack({**bare, "facts": {}}), pack({"facts": 1.5, "revision": -1})]


def documents():
    paths = [*ROOT.glob("config/**/*.yaml"), *ROOT.glob("tests/data/rules/**/*.yaml")]
    return [path.read_bytes() for path in sorted(paths)] + [b"a: [1, {b: \"\\u00e9\"}]\nc: |\n  x\n"]


def parts(*texts):
    """Each behind its be16 length."""
    return b"".join(struct.pack(">H", len(text)) + text for text in texts)


def copies():
    """Streams of a binary COPY: columns, then pieces."""
    head = b"PGCOPY\n\xff\r\n\0" + struct.pack(">II", 0, 0)
    row = struct.pack(">hii", 2, -1, 3) + b"abc"
    one = struct.pack(">hi", 1, 4) + b"\0\0\0\7"
    end = b"\xff\xff"
    return [b"\1" + parts(head + row, row, end), b"\0" + parts(head, one + one, end), b"\0" + parts(head + end),
            b"\1" + parts(head[:-4] + b"\0\0\0\2xy" + row, end)]


def asked():
    """Extras and values of reapply, retry and bury, behind the number of their reader."""
    reapply = {"reapply": {"ruleset": "a" * 64, "reference_date": "2020-01-10", "as_of": "2024-02-29"}}
    poison = {"poison": {"attempts": 5, "silent": 2, "reason": "killed"}}
    return [b"\0" + pack(reapply), b"\0" + pack({"reapply": {"ruleset": "b" * 64}}), b"\1" + pack(["north", "A-1", 3]),
            b"\1" + pack(["", "A-1", -1]), b"\2" + pack(7), b"\2" + pack(2**62), b"\4" + pack(poison)] + [b"\3" + case for case in cases()]


def columns():
    """A row of `cases` under the target's own schema, and its hard parts alone."""
    texts = [
        b'["2000-01-01", "1969-12-31"]', b'["2020-01-10T12:00:00.5Z"]', b"[1.5, -0.25e3]",
        b'[{"land": "CA", "old": true, "note": "a\\u00e9\\"b"}]', b'{"US": "yes"}', b'{"a": 1, "b": -2}']
    day = struct.pack(">i", 7000)
    row = [b"\1", struct.pack(">q", 7), struct.pack(">q", -7), struct.pack(">d", 1.5), b"text", b"two", b"US", day,
           struct.pack(">q", 7 * 10**14), b"\0", day, b"{CA,MX}", b'{x,"","a\\"b"}', *texts]
    return [parts(*row), b"\xff\xff" * 8 + parts(struct.pack(">q", -2**63), b"\0", day, b"{}"), b"\xff\xff" * len(row)]


def stored():
    """Rule sets in the canonical text that is stored."""
    schema = (ROOT / "tests/data/rules/case.yaml").read_bytes()
    small = b"version: 1\ntitle: t\nfacts:\n  a: {type: bool}\n  n: {type: int, range: [0, 9]}\n"
    rule = (b'agreement: ONE\ntitle: "One"\nparties: ["US", "CA"]\nevents:\n'
            b'  - {event: in_force, date: 2000-01-01, recorded: 2000-01-01, cite: "c"}\n'
            b"rules:\n  scope:\n    - {label: x, when: 'a && n > 3', cite: \"c\"}\n  otherwise: {label: other}\n")

    def text(schema, agreements, overrides=b""):
        out = b"casemill ruleset 1 engine 1\nschema %d\n%s\n" % (len(schema), schema)
        for name, body in agreements:
            out += b"agreement %s %d\n%s\n" % (name, len(body), body)
        return out + b"overrides %d\n%s\nvocabulary 17\nCA GT HN MX SV US\n" % (len(overrides), overrides)
    shipped = [text(schema, [(path.stem.encode(), path.read_bytes())])
               for path in sorted((ROOT / "tests/data/rules/agreements").glob("*.yaml"))]
    return shipped + [text(small, [(b"ONE", rule)]), text(small, []), text(small, [(b"ONE", rule)], b"ONE.x=1\n")]


def records():
    """Plain records and states of a journal, behind the target's choice; sums are put there by the target."""
    def record(version, tail=b"", cuts=(0,), source=b"north"):
        fixed = struct.pack("<BBBB16s16sIIqB", version, 1, 1, len(source), b"b" * 16, b"h" * 16, 3, 900, 1700000000000000, len(cuts))
        return b"\0" + struct.pack(">Q", 7) + fixed + source + b"".join(struct.pack("<IQ", cut, 5) for cut in cuts) + tail + bytes(8)
    state = b"CMJL" + struct.pack("<I16sQQQQQ", 3, b"u" * 16, 8, 1, 900, 7, 3) + bytes(8)
    extra = pack({"reapply": {"ruleset": "a" * 64}})
    return [record(1), record(1, cuts=(0, 100, 700)), record(2, b"\1" + struct.pack("<H", len(extra)) + extra),
            record(3, b"\2\0\0"), b"\1" + state, b"\1" + state.replace(b"\3\0\0\0", b"\2\0\0\0", 1)]


def packs():
    """Packs of small batches; sums are put there by the target."""
    def pack_of(*batches):
        head = struct.pack("<BBI", 64, len(batches), (1 << len(batches)) - 1)
        head += b"".join(struct.pack("<HB", size, len(source)) for size, source in batches) + bytes(8)
        entries = b"".join(struct.pack("<BBH16s16sqQ", 1, 2, 1, b"b" * 16, b"h" * 16, 17, 5) + source + bytes(8) for _, source in batches)
        return struct.pack(">Q", 9) + head + entries + head
    return [pack_of((1, b"a")), pack_of((100, b"north"), (4080, b"south"), (7, b"east")), pack_of(*[(50, b"s")] * 25)]


def damages():
    """Changes to a golden journal."""
    return [b"\0", b"\1", b"\1" + b"\2\0\14\0\xff", b"\0" + b"\xff\x10\0\0", b"\1" + b"\4\0\20\7abcdefgh" + b"\5\1\0\0\0",
            b"\1" + b"\0\0\x98\7" + struct.pack("<Q", 1), b"\0" + b"\1\0\x10\3\xde\xc0\xef\xbe"]


def settings():
    files = [(ROOT / "config" / name).read_bytes() for name in ("broker.yaml", "worker.yaml")]
    lists = b"queue:\n  weights: [a=2, b=3]\nmemory: {bytes_max: 1 GiB}\nlanes:\n  beat_ms: 250ms\n  silent_ms: \"2min\"\nlog: {json: true}\n"
    environments = [b"CASEMILL_JOURNAL_BYTES_MAX=64MiB\nCASEMILL_LOG_JSON=true\nHOME=/x\nCASEMILL_QUEUE_WEIGHTS= a=2 ,b=3,\n",
                    b"CASEMILL_CONN_INFO=host=x password=secret\nCASEMILL_LANES_BEAT_MS=9223372036854775807min\n",
                    b"CASEMILL_POSTGRES_CONNINFO=x\nCASEMILL_BROKER_X=1\nCASEMILL_LANES_ATTEMPTS_MAX=-1\nCASEMILL_UNKNOWN=1\n"]
    return [b"\0" + text for text in (*files, lists, b"conn: {info: \"host=x password=y\"}\n")] + [b"\1" + text for text in environments]


def variables():
    return [b'{"x": 3, "s": "air", "l": [1, 2.5, null, true], "d": {"date": "2020-02-29"}, "h": {"unknown": []}, "m": {"a": 1.5, "b": true}}',
            b'{"u": {"uint": "7"}, "y": {"bytes": "00ff"}, "t": {"timestamp": ["60", 0]}, "p": {"duration": ["-90", -5]}}',
            b'{"q": {"map": [[1, "one"], [true, [{"int": "-9223372036854775808"}]]]}, "f": {"double": "1e308"}, "e": {}, "a.b": 1}']


def answers():
    """Answers of a control socket, once and once again."""
    names = ("cases_accepted_total cases_done_total queued_cases out_cases delayed_cases oldest_ms cases_duplicate_total cases_dead_total "
             "batches batches_busy_total batches_refused_total journal_bytes_max journal_used_bytes journal_batches journal_commit_us "
             "memory_body_bytes memory_bytes_max lanes").split()

    def three(step):
        status = {**{name: step * (i + 1) for i, name in enumerate(names)}, "version": "0.1.0", "unready": "" if step == 1 else "no worker"}
        lane = {"name": "w1", "lane": "0123456789abcdef", "phase": "idle", "retiring": step == 2, "held_cases": 5, "credit_cases": 9,
                "done": 100 * step, "seen_ms": 12}
        source = {"source": "north \u00e9", "weight": 1, "queued": {"urgent": 1, "normal": 2, "bulk": 3}, "accepted": 9 * step, "done": 8 * step}
        return [json.dumps(answer).encode() for answer in (status, [lane, lane], [source])]
    limits = json.dumps({name: 2**63 - 1 for name in names}).encode(), json.dumps({name: -2**63 for name in names}).encode()
    refused = pack(["CM1", "REPLY", {"ok": False, "json": "{\"error\": \"" + "\u00e9" * 300 + "\"}"}])
    replies = [path for path in sorted((ROOT / "tests/data/wire").glob("*.hex")) if path.stem in ("control_reply", "refused", "refused_version")]
    frames = [bytes.fromhex("".join(line.split("#")[0] for line in path.read_text().splitlines())) for path in replies]
    return [parts(*three(2), *three(1)), parts(limits[0], b"[]", b"[]", limits[1], b"[]", b"[]"), parts(refused), parts(*three(1)),
            *[parts(frame) for frame in frames]]


def json_lines():
    """JSON as `submit` reads it, gzip and what people's tools put around it included."""
    one = b'{"case_id": "A-1", "revision": 1, "reference_date": null, "facts": {"claim_country": "US", "nationalities": ["HN"], "n": [1, -0.5, 1e300, 9007199254740993], "t": "a\\u0000\\ud83d\\ude00\\"", "b": true, "m": {}}}\n'
    return [one, one + b"\n  \r\n" + one, b"\xef\xbb\xbf" + one, b"[" + one + b"," + one + b"]\n", b"[]", b"[{}] x", one[:50], gzip.compress(one, mtime=0),
            gzip.compress(one, mtime=0) + gzip.compress(one + one, mtime=0) + bytes(9), gzip.compress(one, mtime=0)[:-5], one.decode().encode("utf-16"),
            b"PK\x03\x04", b'{"a": 1, "a": 2}', b'{"a": 99999999999999999999}', b"[" * 40, b'{"a":' * 30]


def csv_files():
    text = (b"case_id,revision,reference_date,claim_country,nationalities,minor_ctx.accompanied,stateless\n"
            b'A-1,1,2020-01-10,US,HN;GT,true,FALSE\n"B ""2""\n3",,,,;,,\n,,,,,,\n')
    maps = b"case_id;health_screening\nA;x=done\n"
    return [text, text.replace(b",", b"\t"), b"\xef\xbb\xbfsep=;\r\n" + text.replace(b";", b"|").replace(b",", b";").replace(b"\n", b"\r\n"), maps,
            gzip.compress(text, mtime=0), b"Maria,Lopez,1980-01-01\n", b"case_id,case_id\n", b"case_id,claim_countri\nA,US\n", b'case_id\n"x\n', b"case_id\na,b\n",
            b"case_id\na\0b\n", b"case_id,entry_date\n1,2020-13-01\n", b""]


def resumes():
    head = b'{"casemill_resume":2,"source":"north","broker":"tcp://127.0.0.1:5570","key":""}\n'
    line = b"0123456789abcdef0123456789abcdef %d %d %d\n"
    return [head + line % (0, 100, 2) + line % (100, 100, 0) + line % (100, 120, 0), head, head[:-1], b"", head.replace(b"north", b"south\\n"),
            head.replace(b":2", b":3"), head + line % (1, 0, 0), head + line[:20], head + line % (2**64, 1, 0), b"0123456789abcdef0123456789abcdef\n"]


def main():
    out = pathlib.Path(sys.argv[1])
    texts = expressions()
    keep(out / "fuzz_cel_parse", texts)
    keep(out / "fuzz_cel_check", texts)
    heads = [b"\0\0", b"\1\0", b"\6\x20", b"\xff\xff"]
    keep(out / "fuzz_cel_run", [heads[i % len(heads)] + text for i, text in enumerate(texts)])
    hexes = sorted((ROOT / "tests/data/wire").glob("*.hex"))
    keep(out / "fuzz_wire_head", [bytes.fromhex("".join(
        line.split("#")[0] for line in path.read_text().splitlines())) for path in hexes])
    keep(out / "fuzz_wire_body", [b"\1" + case for case in cases()] + [b"\3" + b"".join(cases()), b"\0", b"\1\xdd\xff\xff\xff\xff",
        b"\2\x92\xa1a\xa3b.c\x96\xa1A\0\xc0\xc0\xc3\1\x95\xa1B\0\xc0\xc0\xc2"])
    keep(out / "fuzz_yaml", documents())
    keep(out / "fuzz_casedoc", cases())
    key = b"0123456789abcdefghijABCDEFGHIJ.-:+=^!/*?"
    keep(out / "fuzz_net_keys", [key + b" north\n", b"# of the west\r\n" + key + b" w\xc3\xa9st\r\n\n" + key[::-1] + b" west",
                                 b"# secret\nsecret " + key + b"\n", key + b" a\n" + key + b" b\n", b"#\n" + key[:39] + b" x"])
    keep(out / "fuzz_db_copy", copies())
    keep(out / "fuzz_worker_asked", asked())
    keep(out / "fuzz_worker_column", columns())
    keep(out / "fuzz_rules_stored", stored())
    keep(out / "fuzz_broker_record", records())
    keep(out / "fuzz_broker_pack", packs())
    keep(out / "fuzz_broker_pages", damages())
    keep(out / "fuzz_broker_salvage", damages())
    keep(out / "fuzz_settings", settings())
    keep(out / "fuzz_cli_vars", variables())
    keep(out / "fuzz_cli_top", answers())
    keep(out / "fuzz_cli_jsonl", json_lines())
    keep(out / "fuzz_cli_csv", csv_files())
    keep(out / "fuzz_cli_msgpack", [b"".join(cases()), cases()[0][:-3], b"\xdd\xff\xff\xff\xff", gzip.compress(cases()[1], mtime=0), b"PK\x03\x04"])
    keep(out / "fuzz_cli_resume", resumes())


main()
