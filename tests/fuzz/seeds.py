#!/usr/bin/env python3
"""Seeds for the fuzz targets, one folder a target: expressions of the language's own test files
(../shared/cel, read where they are), golden frames of the protocol, the shipped documents and a few
cases.  Usage: seeds.py FOLDER."""
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
    for path in sorted((ROOT.parent / "shared/cel").glob("*.jsonl")):
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
    keep(out / "fuzz_wire_body", [b"\1" + case for case in cases()] + [b"\3" + b"".join(cases()), b"\0", b"\1\xdd\xff\xff\xff\xff"])
    keep(out / "fuzz_yaml", documents())
    keep(out / "fuzz_casedoc", cases())
    key = b"0123456789abcdefghijABCDEFGHIJ.-:+=^!/*?"
    keep(out / "fuzz_net_keys", [key + b" north\n", b"# of the west\r\n" + key + b" w\xc3\xa9st\r\n\n" + key[::-1] + b" west",
                                 b"# secret\nsecret " + key + b"\n", key + b" a\n" + key + b" b\n", b"#\n" + key[:39] + b" x"])


main()
