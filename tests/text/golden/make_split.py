#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Expressions of a Split pre-tokenizer and the pieces the official library makes of some texts: split.json.

Needs `tokenizers` (made with 0.23.3, whose Oniguruma knows Unicode 16; the texts hold characters of Unicode 14).
RUNS: expressions that must give the same pieces. REFUSED: such that PCRE2 would read otherwise, or that are not
supported; the pieces are kept to show what they mean. MIXED: random ones; the same pieces, or refused.
"""
import json
import pathlib
import random

from tokenizers import Regex, pre_tokenizers

RUNS = [
    # as real models have them
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+",
    r"[一-龥\u3040-ゟ゠-ヿ]+", r"(?=(\d{3})+(?!\d))", r"\d{1,3}(?=(?:\d{3})*(?!\d))", r"[\p{Han}]+|[^\p{Han}]+",
    r"\p{N}{1,3}+",
    # escapes and sets
    r"\v|[^\v]+", r"[\v\f]+", r"\t|\r|\n|\f|\a|\e", r"\s+", r"\S+", r"\d+", r"\D+", r"[\s\d]+", r"[^\S]+", r"\x41|\x{e9}|\u6f22", r"[\x{4e00}-\u9fff]+",
    r"\p{L}+", r"\P{L}+", r"\p{^L}+", r"\P{^L}+", r"\p{Lu}|\p{Nd}|\p{Sc}|\p{Pd}", r"\p{Han}+", r"\p{Hiragana}+", r"\p{Katakana}+", r"\p{Latin}+",
    r"\.|\-|\'|\"|\<|\>|\`|\@|\#|\&|\~|\/", r"[\]\[\-\\]+", r"[+--]+", r"[-a]+", r"[a-]+", r"[&a]+", r"[^-a]+", r"[--a]+", r"[:alpha:]+", r"}+|]+", r"-+|#+|&+", r"é+",
    # what . is
    r".", r".+", r"(?m:.)+", r"(?m).+", r"(?m:.(?-m:.))", r"(?mi:E.)", r"[^\n]+",
    # counts
    r"e{,2}|h", r"he{,2}|.", r"e{2}", r"e{1,}", r"e{1,2}?", r"e{,2}?", r"e{1,2}+", r"(h|e){1,2}+e|[^h]+", r"(?:he){2}+", r"e{0}h", r"(?:e{1,2}h)*", r"e*?h", r"e+?",
    r"e??h", r"e*+h", r"e++e", r"e?+e", r"(?:e?)*h", r"(?:e*)+", r"(?:e??)*h", r"(?:e|)+h", r"(?:|e)+h", r"(?:e?h?){2,3}", r"(?:e*?h*?)+?x",
    # groups
    r"(h)(e)", r"(?>e+)e|h", r"(?>e|ee)h", r"h(?=e)", r"h(?!e)", r"(?<=h)e", r"(?<!h)e", r"(?<=he|\n)e", r"e|", r"", r"()", r"x*", r"x*|b", r"(?=e)", r"(?<=e)", r"(?!e)",
    # case
    r"(?i)HE", r"h(?i)e|X", r"(?:h(?i)e|X)h", r"(?i:h(?-i:e))", r"(?i:k)", r"(?i:[k-s]+)", r"(?i:[^ks])", r"(?i:'s)t", r"(?i:s)", r"(?i:s|t)", r"(?i:ts)", r"(?i:s+)t", r"(?i:I)", r"(?i:s)(?i:x)",
]

# every general category and script that is taken
RUNS += [r"\p{%s}+" % name for name in """L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp Cc Cf
Han Hiragana Katakana Hangul Latin Greek Cyrillic Arabic Hebrew Thai Devanagari Bengali Tamil Georgian Armenian Ethiopic""".split()]

REFUSED = [
    r"^e", r"e$", r"\Ah", r"e\z", r"e\Z", r"\be", r"\Be", r"\Ge", r"h\Ke", r"\w+", r"\W+", r"\h+", r"\H+", r"\R", r"\X", r"\N", r"\O", r"\y", r"\Y",
    r"(h)\1", r"(?<n>h)e", r"(?<n>h)\k<n>", r"(?<n>h)\g<n>", r"(?'n'h)e", r"(?P<n>h)e", r"(?#x)h", r"(?~he)", r"(?(1)h|e)", r"(?x: h e)", r"(?s:.)", r"(?i-x:h)", r"(?W:\w)", r"(?a:h)", r"(?u:h)",
    r"(?R)", r"(?|h|e)", r"(*FAIL)h", r"(?{h})", r"\0", r"\07", r"\101", r"\o{101}", r"\cA", r"\C-a", r"\M-a", r"\xe9", r"\x4", r"\x{110000}", r"\x{d800}", r"\u00", r"\ud800", r"\Qhe\E", r"\pL", r"\p", r"\p{",
    r"[[:alpha:]]+", r"[[:^alpha:]]+", r"[he&&e]+", r"[h[e]x]+", r"[]e]+", r"[^]e]+", r"[]", r"[h", r"[e-h-x]+", r"[\s-x]+", r"[h-\s]+", r"[x-h]",
    r"e{2,1}", r"e{2}?", r"e{2,2}?", r"e{1, 2}", r"e{", r"e{x}", r"e{,}", r"{2}", r"e**", r"e+*", r"e+?+", r"e{2}{3}", r"*e", r"|*", r"(?:*)", r"(?=e)*", r"(?<=e)+", r"e{1001}", r"e{0,100000}",
    r"(?i:ss)", r"(?i:s(?:s))", r"(?i:[s]s)", r"(?i:s[s])", r"(?i:S(t))", r"(?i:st)", r"(?i:ff)", r"(?i:fi)", r"(?i:fl)", r"(?i:s{2})", r"(?i:ß)", r"(?i:[ß])", r"(?i:é)", r"(?i:\p{L})", r"(?i:[\p{L}])", r"(?i:\p{Lu})",
    r"(?i)s(?-i:x)s|ss", r"\p{Alphabetic}", r"\p{letter}", r"\p{InBasicLatin}", r"\p{C}", r"\p{Cn}", r"\p{L&}", r"\p{Any}", r"\p{}", r"(", r")", r"h)", r"(h", "\\", r"(?", r"(?i", r"(?i:", r"(?<", r"(" * 60 + r")" * 60,
    "h" * 4097,
]


TEXTS = [
    "end.\nhe the hehe heeeh", "I'M here, it'S 1234567 €5\r\n\n  x\t\v y", "ßSS ss ﬆ st ﬀ ff ſ s K k İ i ı", "、漢字かなカナー龥 漢\u3000字\u00a0\u0085\u2028\u180e",
    "é e\u0301 \u0345ι Ωω Żuraw ǅ", "\x1b\x07\x0c\x01{}[]-+,&^#~\\/.'\"<>`@$%*?|=_;:!()", "", "x", "axxbxhe", "\u0660\u0661²½Ⅷ 🌊\u200d🏽", "KeEHEs'ſtS", "pL QhE \\ a-b &&",
    "한국어 ελληνικά кириллица العربية עברית ไทย देवनागरी বাংলা தமிழ் ქართული Հայերեն ግዕዝ ᄒ",
    "a\u0301\u0903\u20dd ⅯⅣ①¾ _‿–—(])»«“”‹›¡¿ +×÷≠ $¥ ^`´¨ ©°☃ \u2028\u2029\u3000\u00ad\u200f\u0000\u009f ʰʷ ƻǀ ǈ",
]

ATOMS = ["h", "e", "s", "f", "t", "i", "S", "k", "1", "'", " ", "é", ".", r"\s", r"\S", r"\d", r"\D", r"\n", r"\v", r"\p{L}", r"\P{L}", r"\p{Lu}",
         r"\p{^L}", r"\p{Han}", r"\u0065", r"\x{e9}", r"\.", "ß", "}", "-", "#", "h", "e", "h", "e", "[he]", "[^he]", r"[\s\d]", r"[^\p{L}s]", "[a-z]", "[s]"]
COUNTS = ["", "", "", "", "", "*", "+", "?", "*?", "+?", "??", "*+", "++", "?+", "{2}", "{1,2}", "{,2}", "{1,}", "{0,2}?", "{1,2}+", "{2}+", "{1,}+"]
OPENS = ["(", "(?:", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?m:", "(?i-m:"]


def random_expression(draw, depth):
    def atom():
        if depth > 0 and draw.random() < 0.35:
            return draw.choice(OPENS) + random_expression(draw, depth - 1) + ")"
        return draw.choice(["(?i)", "(?m)"]) if draw.random() < 0.03 else draw.choice(ATOMS)

    return "|".join("".join(atom() + draw.choice(COUNTS) for _ in range(draw.randint(0 if draw.random() < 0.1 else 1, 3)))
                    for _ in range(draw.choice([1, 1, 2, 3])))


def pieces(expression):
    try:
        split = pre_tokenizers.Split(Regex(expression), "isolated")
        return [[piece for piece, _ in split.pre_tokenize_str(text)] for text in TEXTS]
    except BaseException as error:  # the library panics on some
        return str(error)


draw = random.Random(14)
mixed = {}
while len(mixed) < 250:
    expression = random_expression(draw, draw.randint(0, 2))
    found = pieces(expression)
    if not isinstance(found, str):
        mixed[expression] = found
result = {"texts": TEXTS}
for name, table in (("runs", {e: pieces(e) for e in RUNS}), ("refused", {e: pieces(e) for e in REFUSED}), ("mixed", mixed)):
    # Pieces as their lengths in characters: they cover the text.
    result[name] = [[e, found if isinstance(found, str) else [[len(p) for p in one] for one in found]] for e, found in table.items()]
path = pathlib.Path(__file__).parent / "split.json"
lines = ",\n".join(f'"{name}": [\n' + ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows) + "\n]" for name, rows in result.items())
path.write_text("{\n" + lines + "\n}\n")
