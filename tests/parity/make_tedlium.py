"""Writes what src/text/tedlium/ is held to. Needs inflect 7.6.0 and Unidecode 1.4.0.

    python tests/parity/make_tedlium.py ~/.cargo/registry/src/*/unidecode-0.3.0/src/data.rs

The argument is the table of the Rust crate `unidecode`, as cargo unpacks it.

tests/parity/tedlium.tsv             a transcript and its normalised form; tab-separated. REFUSED stands where the reference
                                     raises an error instead
tests/parity/transliteration.tsv     first code point of a block of 256, and the SHA-256 of its transliterations, joined by newlines;
                                     blocks without any are left out
src/text/tedlium/differences.tsv     code point and transliteration, where Unidecode differs from the Rust crate

The normalisation here is written from its description (delete brackets, spell symbols, transliterate, read money, decimals,
ordinals and numbers, collapse white space) around the two libraries.
"""
import ast
import hashlib
import pathlib
import random
import re
import sys
import warnings

import inflect
import unidecode

HERE = pathlib.Path(__file__).parent
ENGINE = inflect.engine()
SYMBOLS = [("[", ""), ("]", ""), ("&", "and"), ("%", "percent"), ("+", "plus"), ("@", "at"), ("<unk>", "[UNK]")]


def plural(count, noun):
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def money(match):
    amount = match[0][1:]
    parts = amount.split(".")
    if len(parts) > 2:
        return amount + " dollars"
    dollars, cents = (int(part) if part else 0 for part in (parts + [""])[:2])
    named = [plural(dollars, "dollar")] * bool(dollars) + [plural(cents, "cent")] * bool(cents)
    return ", ".join(named) or "zero dollars"


def cardinal(match):
    number = int(match[0])
    if not 1000 < number < 3000:
        words = ENGINE.number_to_words(number, andword="")
    elif number == 2000:
        words = "two thousand"
    elif 2001 <= number <= 2009:
        words = "two thousand " + ENGINE.number_to_words(number - 2000)
    elif number % 100 == 0:
        words = ENGINE.number_to_words(number // 100) + " hundred"
    else:
        words = ENGINE.number_to_words(number, andword="", zero="oh", group=2).replace(", ", " ")
    return f" {words} "


def normalise(text):
    for symbol, words in SYMBOLS:
        text = text.replace(symbol, words)
    text = unidecode.unidecode(text)
    text = re.sub(r"\$[0-9.,]*[0-9]", money, text)
    text = re.sub(r"([0-9]+)\.([0-9]+)", r"\1 point \2", text)
    text = re.sub(r"[0-9]+(?:st|nd|rd|th)", lambda match: ENGINE.number_to_words(match[0]), text)
    text = re.sub(r"[0-9]+", cardinal, text)
    return re.sub(r"\s+", " ", text)


def expected(text):
    try:
        return normalise(text)
    except (ValueError, inflect.NumOutOfRangeError):
        return "REFUSED"


WORKED = [
    ("in 1999 and 2005 and 2010", "in nineteen ninety-nine and two thousand five and twenty ten "),
    ("1105", " eleven oh five "), ("1001", " ten oh one "), ("007", " seven "),
    ("123456", " one hundred twenty-three thousand, four hundred fifty-six "),
    ("$3.50", " three dollars, fifty cents"), ("$.5", " five cents"), ("3.14", " three point fourteen "),
    ("10.05", " ten point five "), ("1,000,000", " one , zero , zero "), ("12th-century", "twelfth-century"),
    ("a1b2", "a one b two "), ("café", "cafe"), ("$1,000", "REFUSED"),
]
HAND_PICKED = [
    "", " ", "a", "  a \t b ", "[noise]", "<unk> you <unk>", "<u[n]k>", "<UNK>", "R&D", "a & b", "100%", "a+b", "me@home",
    "$", "$$5", "$ 5", "$5", "$1", "$0", "$00", "$0.00", "$1.00", "$1.01", "$2.1", "$2.10", "$.01", "$.", "$..5", "$5.", "$5..", "$5,",
    "$1.2.3", "$1,000.5.2", "$1.2.3.4", "$,5", "$1,5", "$5.0,1", "$1999", "$5th", "$5a", "-$5", "$007.08", "a$5b", "$5$6", "$1.50.",
    "1.2.3", "1.2.3.4", ".5", "5.", "5..5", "1.", "0.5", "00.50", "1999.5", "3.1999", "1.1st", "1.05th",
    "1st", "2nd", "3rd", "4th", "0th", "00th", "11th", "12th", "13th", "20th", "21st", "22nd", "30th", "99th", "100th", "101st", "110th",
    "112th", "1000th", "1001st", "1012th", "1100th", "1999th", "2000th", "1000000th", "1000001st", "1000100th", "123456789th", "1ST",
    "5thing", "5t", "5 th", "21sts", "012th", "1,000th",
    "0", "1", "00", "01", "10", "11", "19", "20", "21", "99", "100", "101", "110", "111", "999", "1000", "1002", "1010", "1011",
    "1100", "1101", "1110", "1900", "1901", "1909", "1910", "1911", "1920", "1999", "2000", "2001", "2009", "2010", "2011", "2099", "2100",
    "2900", "2999", "3000", "3001", "3010", "3100", "9999", "10000", "10001", "10100", "10101", "100000", "100001", "100100", "110000",
    "1000000", "1000001", "1000010", "1000100", "1000101", "1001000", "1001001", "1100000", "1000000000", "1000001000", "0001999", "02005",
    "9" * 36, "1" + "0" * 35, "1" + "0" * 36, "0" * 40 + "7", "9" * 40, "9" * 36 + "th", "9" * 37 + "th", "1" + "0" * 33 + "21",
    "½ cup", "2½", "x²", "№ 5", "10€", "£20", "naïve façade", "Ærøskøbing", "ß", "Łódź", "日本", "Москва", "it’s “so” – well…", "١٢٣", "５０％",
    "ＡＢＣ＆", "［x］", "\u00a05\u00a0", "\x1c5", "𝐀𝐁", "🙂", "e\u0301", "1\u03002",
]
WORDS = "so the we had people in of a world and that's you know don't it's one-third well, very \"quite\" A.I. TED U.S. <unk> [laughter]".split()
ACCENTED = "café naïve résumé Zürich São Paulo Kraków smörgåsbord Dvořák piñata œuvre — “ideas” it’s … 10° 5µm ½ Straße Ελλάδα".split()


def number(random):
    size = random.choice([1, 1, 2, 2, 3, 4, 4, 5, 6, 7, 9, 10, 12, 15, 18, 24, 30, 36, 37, 40])
    if random.random() < 0.3 and size > 1:
        return str(random.randint(1, 9)) + "".join(random.choices("00001239", k=size - 1))
    return "".join(random.choices("0123456789", k=size))


def figure(random):
    small = str(random.randint(0, 3200))
    kind = random.randrange(11)
    return [
        lambda: number(random),
        lambda: str(random.randint(1000, 3000)),
        lambda: f"{small}{random.choice(['st', 'nd', 'rd', 'th'])}",
        lambda: f"{number(random)}{random.choice(['st', 'nd', 'rd', 'th'])}",
        lambda: f"{small}.{number(random)}",
        lambda: f"${small}",
        lambda: f"${small}.{random.randint(0, 99):02}",
        lambda: f"${random.choice(['', '.', '5.', '1,000', '.1.2', '12,5.', '0'])}{random.randint(0, 12)}",
        lambda: f"{random.randint(1, 99)},{random.randint(0, 999):03}",
        lambda: f"{small}{random.choice(['%', 's', 'x', '-', '&', '+', '/2', ':30', '°', '@', 'k'])}",
        lambda: f"{random.choice(['a', '-', '+', '(', '#', '@', '[', '£', 'B'])}{small}",
    ][kind]()


def line(random):
    draw = lambda: figure(random) if random.random() < 0.35 else random.choice(ACCENTED if random.random() < 0.1 else WORDS)
    gap = lambda: random.choice([" "] * 8 + ["  ", ", "])
    return "".join(draw() + gap() for _ in range(random.randint(2, 9))).strip() + random.choice(["", "", "", " ", "."])


def noise(random):
    symbols = "0123456789" * 3 + "$$..,,[]&%+@ stndrdth<unk>-'" + "éßñ½²–Ж中ﬁ"
    return "".join(random.choices(symbols, k=random.randint(1, 30)))


def write_lines():
    draw = random.Random(26)
    for text, words in WORKED:
        assert expected(text) == words, (text, expected(text))
    texts = [text for text, _ in WORKED] + HAND_PICKED
    texts += [str(n) for n in range(1000, 3001, 7)] + [f"{n}th" for n in range(0, 1300, 13)]
    texts += [line(draw) for _ in range(3200)] + [noise(draw) for _ in range(600)]
    rows = [(text, expected(text)) for text in dict.fromkeys(texts) if not re.search(r"[\t\n\r]", text) and "\t" not in expected(text)]
    (HERE / "tedlium.tsv").write_text("".join(f"{text}\t{words}\n" for text, words in rows), newline="\n")


def write_transliteration(crate):
    literal = re.compile(r'^    ("(?:.*)"),?$')
    rows = [literal.match(row)[1] for row in pathlib.Path(crate).read_text().splitlines() if literal.match(row)]
    known = [ast.literal_eval(re.sub(r"\\u\{(\w+)\}", lambda hexed: f"\\U{int(hexed[1], 16):08x}", row)) for row in rows]
    assert len(known) == 0xFFFF
    differences, digests = [], []
    for block in range(0, 0x110000, 256):
        if 0xD800 <= block < 0xE000:
            continue
        theirs = [unidecode.unidecode(chr(code)) for code in range(block, block + 256)]
        if any(theirs):
            digests.append(f"{block:04x}\t{hashlib.sha256(chr(10).join(theirs).encode()).hexdigest()}\n")
        for code, ascii_text in enumerate(theirs, block):
            ours = known[code] if code < len(known) else ""
            # What the Rust crate does not know, and the control characters that are no white space, are dropped.
            ours = "" if ours.startswith("[?]") or 0x80 <= code < 0xA0 else ours
            if ours != ascii_text:
                assert "\t" not in ascii_text and "\n" not in ascii_text
                differences.append(f"{code:04x}\t{ascii_text}\n")
    (HERE / "transliteration.tsv").write_text("".join(digests))
    (HERE.parents[1] / "src/text/tedlium/differences.tsv").write_text("".join(differences))


warnings.simplefilter("ignore")
write_lines()
write_transliteration(sys.argv[1])
