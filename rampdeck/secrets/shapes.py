"""The shapes by which a secret is told from ordinary text.

A rule looks only where one of its hints stands, a word in lower case; whether any
of them does, :func:`suspicious` says for about the price of a dictionary. Every
pattern is linear in the length of the text, whatever stands in it: what repeats
is possessive or has an upper bound, and what has begun to match is consumed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

HIDDEN = "***"
CUT = 400
"""Characters from which on a text may have been cut, in the middle of a password too."""

Replacement = str | Callable[[re.Match[str]], str]


@dataclass(frozen=True, slots=True)
class Rule:
    """A shape, the words without which there is none, and what is left of it."""

    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: Replacement = rf"\1{HIDDEN}"


def suspicious(low: str) -> bool:
    """Return whether a text in lower case may hold a secret at all: whether a hint of any rule stands in it.

    Every line of every log comes by here. To look for a single letter costs a
    fifth of looking for a word, so a letter or two that are not in every line go first.
    """
    return (
        ("ss" in low and ("pass" in low or "sess" in low))
        or (
            "k" in low
            and ("key" in low or "token" in low or "cookie" in low or "akia" in low or "sk-" in low)
        )
        or ("w" in low and ("pw" in low or "jwt" in low))
        or ("cre" in low and ("secret" in low or "cred" in low))
        or ("auth" in low or "gnat" in low or "tuser" in low)
        or ("b" in low and ("bearer" in low or "basic" in low))
        or ("f" in low and ("srf" in low or "entified by" in low))
        or "$" in low
        or (("?" in low or "&" in low) and _QUERY.search(low) is not None)
        or ("x" in low and "xox" in low)
        or ("j" in low and "eyj" in low)
        or ("z" in low and "aiza" in low)
        or ("@" in low and ("//" in low or "\\/" in low))
        or (
            "_" in low
            and (
                "gh" in low
                or "hub_pat" in low
                or "_dsn" in low
                or "_salt" in low
                or "_test_" in low
                or "_live_" in low
            )
        )
        or ("-" in low and (" -p" in low or " -u" in low or " -a" in low or "--u" in low or "pat-" in low))
        or ("%" in low and "%2f%2f" in low)
        or ("asia" in low)
        or (len(low) >= _ALONE and " " not in low)
        or (len(low) > CUT and "//" in low)
    )


_ALONE = 40
_QUERIED = r"""[?&;] (?: code | key | sig | auth | pass | pw | sid | otp | pin | ticket | saml\w{1,20}
                  | assertion | hash | hmac | nonce | session | x-(?:amz|goog)-[\w-]{1,40} ) ="""
_QUERY = re.compile(_QUERIED, re.VERBOSE)
# What a value is: in quotes of its own, in escaped ones, or up to whatever ends it.
_QUOTED = r"""(?: b?"(?:[^"\\\r\n]|\\[^\r\n])*+(?:"|\\?(?=[\r\n]|\Z))
                | b?'(?:[^'\\\r\n]|\\[^\r\n]|'')*+(?:'|\\?(?=[\r\n]|\Z))
                | (?P<escaped>\\{1,7}["'])(?:(?!(?P=escaped))[^\r\n])*+(?:(?P=escaped))? )"""
_BARE = r"""(?: [^\s&;,"'\\\])}<>] | \\(?!["']) | [,"')\]}>]{1,3}(?=\w) )++"""
# Several at once: in brackets, as PostgreSQL's ANY ('{a,b}'), in HTML.
_LIST = r"""(?:(?:any|all)\s{0,4})? [\[(] \s{0,8} (?:array\s?\[)? (?=b?["'])
            (?: "(?:[^"\\\r\n]|\\[^\r\n])*+"? | '(?:[^'\\\r\n]|\\[^\r\n]|'')*+'? | [^\])"'\r\n] )*+ [\])]?"""
_ENTITY = r"&(?:quot|apos|\#0?(?:x27|39|34));"
_ENTITLED = rf"{_ENTITY} (?:(?!{_ENTITY})[^\r\n<])*+ (?:{_ENTITY})?"
# A place that is kept for one is none: [id], <token>, {key}, %s, $1, another column, what is hidden.
_NO_PLACE = r"""(?! b?["']? (?: \[[\w\ .-]{0,40}\] | <[\w:.-]{1,40}> | \{[\w:.-]{0,40}\}
                   | %s | %\(\w{0,40}\)s | \$\d{1,3} | \? | \*\*\* | none | null | true | false | undefined
                   | \w{1,60}"? \. "?\w{0,40}(?:key|token|passw(?:or)?d|secret|session_id) )
                 (?:[\s&;,"'\])}>]|\Z) ) (?! (?:any|all) \s? \( \s? (?:array\[)? [$%] )"""
_VALUE = rf"{_NO_PLACE} (?: {_LIST} | {_QUOTED} | {_ENTITLED} | {_BARE} )"
# The first letter alone is looked at without regard to case and as cheaply as a place in the text can be.
_NAME = r"""(?-i:(?=[aAcCeEjJlLmMpPrRsStTxX]))
            (?: passw(?:or)?[dt]s? | passphrase | passcode | pwd | secret(?!ar) | token(?!i[sz]) | credential
              | signature | jwt | [cx]srf | sess(?:ion)?[ _-]?(?:id|key|data) | requirepass | masterauth
              | (?:api|access|private|secret|signing|encryption|account|shared|master|license|auth)[ _-]?key )
            [\w-]{0,40}+ (?<![_-]env) (?<![_-]file) (?<![_-]stdin)
            (?<![_-]type) (?<![_-]length) (?<![_-]count) (?<![_-]ttl)"""
_IS = rf"""(?: (?:\\{{0,7}}["'`\]]|%2[27]|{_ENTITY})? (?:\)(?:::[a-z ]{{1,30}})?)? [^\S\r\n]{{0,8}}
               (?: => | := | != | <> | ={{1,3}} | : | %3[ad] ) [^\S\r\n]{{0,8}}
            | \\{{0,7}}' \s{{0,8}} , \s{{0,8}} (?=b?\\{{0,7}}["']) )"""
_NAMES = (
    *("passw", "passphrase", "passcode", "pwd", "secret", "token", "credential", "signature", "jwt", "srf"),
    *("sessionid", "session_", "session-", "session i", "sessionkey", "sessid", "requirepass", "masterauth"),
    *("_key", "-key", "i key", "s key", "t key", "apikey", "accesskey", "privatekey", "secretkey", "authkey"),
    *("gkey", "nkey", "tkey", "dkey", "rkey", "ekey"),
)
_HEADER = r"(?: authorization | cookies? | x-auth[\w-]{0,40}+ )"
_HEADERED = ("authorization", "cookie", "x-auth")
_HARMLESS = (
    r"(?! (?:auth|token|scheme|realm|access|login|user|cred|method|error|fail|is|was|and|or|not)[\w=]*+ )"
)


def _address(match: re.Match[str]) -> str:
    """Hide the passwords of all addresses in a run of characters that begins behind a scheme."""
    cut = match.end() == len(match.string) > CUT
    pieces = _SLASHES.split(match[0])
    last = len(pieces) - 1
    return "".join(
        piece if number % 2 else _without_password(piece, cut and number == last)
        for number, piece in enumerate(pieces)
    )


def _without_password(place: str, cut: bool) -> str:
    """Return ``user:password@host/path`` without the password; of a cut text the ``@`` may be missing."""
    user, colon, rest = place.partition(":")
    if not colon or not _USER.fullmatch(user):
        key, at, host = place.partition("@")
        lonely = at and len(key) >= 20 and _USER.fullmatch(key)
        return f"{HIDDEN}@{host}" if lonely else place
    if user.startswith("[") or _PORT.match(rest):
        return place
    slash = rest.find("/")
    end = rest.rfind("@", 0, slash) if slash >= 0 else rest.rfind("@")
    end = rest.find("@") if end < 0 else end
    if end < 0:
        return f"{user}:{HIDDEN}" if cut and rest else place
    return f"{user}:{HIDDEN}{rest[end:]}"


_SLASHES = re.compile(r"(:(?:\\?/){2}|^(?:\\?/){2})")
_USER = re.compile(r"[^\s/?#@]*")
_PORT = re.compile(r"\d+(?:[/?#,;)]|\Z)")


def _inserted(match: re.Match[str]) -> str:
    """Hide all values of an ``INSERT`` that names a column of secrets."""
    head, values, rest = _INSERTED.split(match[0], maxsplit=1)
    if not _COLUMN.search(head) or not re.search(r"'", rest):
        return match[0]
    return f"{head}{values}{HIDDEN}"


_INSERTED = re.compile(r"(\)\s{0,4}values\s{0,4})", re.IGNORECASE)
_COLUMN = re.compile(
    r"passw|passphrase|secret|token|credential|signature|session_?(?:key|id|data)|_key\b|\bkey\b|_hash\b",
    re.IGNORECASE,
)


def _option(match: re.Match[str]) -> str:
    """Hide the value behind ``--password``, not behind the word alone."""
    text, start = match.string, match.start()
    before = _DASHED.search(text, max(0, start - 40), start)
    return f"{match[1]}{HIDDEN}" if before else match[0]


_DASHED = re.compile(r"(?<![\w-])--[\w-]*+\Z")


_VARIABLE = r"""[A-Z0-9_]{0,60}? (?: PASSW(?:OR)?D | PASSPHRASE | PWD | SECRET | TOKEN | CREDENTIAL
                 | SIGNATURE | JWT | [CX]SRF | (?:(?<![A-Z0-9])|_)(?:KEY|PASS|PW|DSN|SALT|AUTH) (?![A-Z0-9])
                 | _KEYS )
               [A-Z0-9_]{0,40}+ (?<!_FILE) (?<!_ENV) (?<!_TYPE) (?<!_LENGTH) (?<!_COUNT) (?<!_TTL)"""
_VARIABLES = (
    "key",
    "pass",
    "pw",
    "dsn",
    "salt",
    "auth",
    "token",
    "secret",
    "cred",
    "signature",
    "jwt",
    "srf",
)


def _rule(hints: tuple[str, ...], pattern: str, replacement: Replacement = rf"\1{HIDDEN}") -> Rule:
    return Rule(hints, re.compile(pattern, re.VERBOSE | re.IGNORECASE), replacement)


def _exact(hints: tuple[str, ...], pattern: str, replacement: Replacement = HIDDEN) -> Rule:
    """Return a rule that tells capitals from small letters."""
    return Rule(hints, re.compile(pattern, re.VERBOSE), replacement)


_ADDRESSES = (
    _rule(("//", "\\/"), r"""(?<=:) (?:\\?/){2} [^\s"'<>]++""", _address),
    # the same as a value of a query
    _rule(
        ("%2f%2f",),
        r"""(%3a%2f%2f (?:(?!%3a|%2f)[^\s&"']){0,64} %3a) (?:(?!%40|%2f)[^\s&"']){1,256} (?=%40)""",
    ),
)
_HEADERS = (
    # in a printed dictionary; within a string, up to its end; else all of the line
    _rule(_HEADERED, rf"""({_HEADER} \\{{0,7}}["'] \s{{0,8}} [:=,] \s{{0,8}}) {_NO_PLACE} {_QUOTED}"""),
    _rule(
        _HEADERED,
        rf"""((?P<quote>["']) (?:set-|proxy-|http_|x-)? {_HEADER} \s{{0,8}} [:=] \s{{0,8}})
             (?:(?!(?P=quote))[^\r\n])++""",
    ),
    _rule(
        _HEADERED,
        rf"({_HEADER} [^\S\r\n]{{0,8}} [:=] [^\S\r\n]{{0,8}}) (?!\*\*\*) [^\r\n]++",
    ),
    _rule(("bearer",), rf"(\bbearer [^\S\r\n]{{1,4}}) {_HARMLESS} [\w.~+/=-]{{4,}}+"),
    _exact(
        ("basic",),
        rf"(\b[Bb]asic [^\S\r\n]{{1,4}}) {_HARMLESS} (?=\S{{0,64}}(?:\d|=|[a-z][A-Z])) [\w.~+/=-]{{8,}}+",
        rf"\1{HIDDEN}",
    ),
)
_ASSIGNED = (
    # A variable of an environment: up to its quote's end, or else to the next blank, whatever stands between.
    _exact(
        _VARIABLES,
        rf"""((?<!\\)(?P<quote>["']) {_VARIABLE}=) (?!\*\*\*|["'\\])
             (?: (?!(?P=quote))[^\\\r\n] | \\[^\r\n] )++""",
        rf"\1{HIDDEN}",
    ),
    _exact(
        _VARIABLES,
        rf"""((?P<quote>\\{{1,7}}["']) {_VARIABLE}=) (?!\*\*\*) (?: (?!(?P=quote))[^\r\n] )++""",
        rf"\1{HIDDEN}",
    ),
    _exact(
        _VARIABLES, rf"""((?<!\S)(?:-e|--env=)?{_VARIABLE}=) {_NO_PLACE} (?!["'\\]) \S++""", rf"\1{HIDDEN}"
    ),
)
_NAMED = (
    _rule(_NAMES, rf"({_NAME} {_IS}) {_VALUE}"),
    # a pair in JSON; in SQL such a comma parts two columns
    _rule(
        _NAMES,
        rf"""(\[ \s{{0,8}} \\{{0,7}}" [\w-]{{0,20}}? {_NAME} \\{{0,7}}" \s{{0,8}} , \s{{0,8}})
             {_NO_PLACE} {_QUOTED}""",
    ),
    _rule(_NAMES, rf"(< (?:\w{{1,20}}:)? {_NAME} >) (?!\*\*\*) [^<\r\n]++"),
    _rule(
        ("pass", "auth", "pw"), rf"""(["'] (?:pass|auth|pw) \\{{0,7}}["'] \s{{0,8}} : \s{{0,8}}) {_VALUE}"""
    ),
    # names that say so only in a query or an assignment
    _rule(
        ("key=", "pass=", "auth=", "sig=", "pw=", "%3d"),
        rf"((?<![\w.-])(?:key|pass|auth|sig|pw) (?:=|%3d)) {_VALUE}",
    ),
    _exact(("?", "&"), rf"""((?i:{_QUERIED})) (?i:{_NO_PLACE}) [^\s&;\#"'<>]++""", rf"\1{HIDDEN}"),
    _exact(
        ("_key", "_pass", "_pw", "_dsn", "_salt", "_auth", "_cred"),
        rf"""(\b[A-Z][A-Z0-9_]{{0,60}}? _(?:KEYS?|PASS|PW|DSN|SALT|AUTH|CREDENTIALS)\b {_IS}) {_VALUE}""",
        rf"\1{HIDDEN}",
    ),
    # in HTML and in a form
    _rule(_NAMES, rf"""({_NAME} \\{{0,7}}["'] \s{{1,8}} value \s{{0,4}} = \s{{0,4}}) {_VALUE}"""),
    _rule(_NAMES, rf"""({_NAME} ["'] (?:\r?\n){{2}}) [^\r\n]++"""),
)
_SPOKEN = (
    # SQL's and other people's sentences
    _rule(
        (*_NAMES, "identified"),
        rf"""((?:{_NAME}|identified) ["'`]? \s{{1,4}}
              (?:(?:=|is|was|like|ilike|in|to|with|by|of)\s{{1,3}})? \(? (?:[eubn]&?)?)
             (?=["']) (?!["'][^"'\s]{{0,3}}["'](?!\s{{0,4}},)) {_NO_PLACE} {_QUOTED}
             (?: \s{{0,4}} , \s{{0,4}} '(?:[^'\r\n]|'')*+'? )*+""",
    ),
    _rule(
        ("passw", "passphrase", "token", "secret", "api", "access"),
        r"""((?-i:(?=[pPtTsSaA])) (?:passw(?:or)?d|passphrase|token|secret|(?:api|access|secret)[ _-]?key)
             [^\S\r\n]{1,3}
             (?:(?:is|was|to|of)[^\S\r\n]{1,3})?)
            (?=\S{0,64}\d) (?=\S{0,64}[a-z]) (?!\$\d) [^\s"'(),;:=\[\]<>{}]{6,}+""",
    ),
    _rule(
        ("masterauth", "requirepass"), r"((?:requirepass|masterauth) [\"']? [^\S\r\n]{1,4}) (?!\*\*\*) \S++"
    ),
    _rule(
        ("setuser",),
        r"""(\bsetuser\b ["']? [^\S\r\n]{1,4} \S{1,100}+ [^\S\r\n]{1,4}) (?!\*\*\*)
            (?= [^\r\n]{0,400}? (?<=[\s"']) [><\#!]) [^\r\n]++""",
    ),
    _exact(
        ("auth",),
        r"""((?:(?m:^)|(?<=\d[ ])|(?<=\d"[ ])|(?<=\][ ])) ["']?AUTH["']? [^\S\r\n]{1,4})
            (?!\*\*\*|failed|called|error|is|was)            [^\r\n]++""",
        rf"\1{HIDDEN}",
    ),
    _exact(
        ("sess",),
        r"(contrib\.sessions[\w.]{0,20}?) (?<![a-z0-9]{32}) [a-z0-9]{32}(?![a-z0-9])",
        rf"\1{HIDDEN}",
    ),
)
_STATED = (
    # the values of a statement that names such a column, of a key that is there twice, of a token's key
    _rule(
        ("insert",),
        r"insert \s{1,4} into \b [^()]{1,200} \( [^()]{1,4000} \) \s{0,4} values \s{0,4} (?s:.*+)",
        _inserted,
    ),
    _rule(_NAMES, rf"({_NAME} [\w, \"]{{0,100}} \)=\() (?!\*\*\*) [^)\r\n]++"),
    _rule(
        ("key",),
        r"""(\bkey ["`]? (?:\)(?:::[a-z ]{1,30})?)? [ ]{0,2} (?:= | in | =[ ]{0,2}any) [ ]{0,2} \(? [{']{0,2})
            (?=[^\s']{0,40}\d) [\w+/=-]{20,}+ (?: ['\s,]{1,4} [\w+/=-]{20,}+ )*+""",
    ),
)
_SHELL = (
    _rule(_NAMES, rf"""({_NAME} [^\S\r\n]{{1,4}}) (?![-=|&>]) {_VALUE}""", _option),
    _rule(
        (" -p",),
        r"(\b(?:mysql\w*+|mariadb[\w-]*+|sshpass)\b [^\r\n|;]{0,200}? \s -p [ ]?) (?!\*\*\*) [^\s|;&]++",
    ),
    _exact(
        (" -p",),
        r"((?<=\s)-p) (?![\d.:]++(?!\S)) (?=\S{0,64}[A-Z0-9_!\#$%^*+]) (?!\S*[/\\=]) (?!\*\*\*) \S{4,}+",
        rf"\1{HIDDEN}",
    ),
    _rule((" -a",), r"(\bredis-cli\b [^\r\n|;]{0,200}? \s -a [ ]?) (?!\*\*\*) [^\s|;&]++"),
    _rule(
        (" -u", "--u"),
        r"""(\bcurl\b [^\r\n|;]{0,200}? \s (?:-u|--user) [ =]? ["']? [^\s:"']{0,64} :)
            (?!\*\*\*) [^\s|;&"']++""",
    ),
)
_TOKENS = (
    _exact(("eyj",), r"(?<![A-Za-z0-9]) eyJ[\w+/=-]{14,}+ (?:\.[\w+/=-]*+){0,6}"),
    _exact(("akia", "asia"), r"\b (?:AKIA|ASIA)[A-Z0-9]{16} \b"),
    _exact(("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_"), r"\b (?:gh[pousr]_|github_pat_)\w{16,}+"),
    _exact(("_live_", "_test_"), r"\b [prs]k_(?:live|test)_\w{8,}+"),
    _exact(("xox", "pat-", "sk-"), r"\b (?: xox[abeoprs]-[\w-]{8,}+ | glpat-[\w-]{16,}+ | sk-[\w-]{20,}+ )"),
    _exact(("aiza",), r"\b AIza[\w-]{30,}+"),
    _exact(
        ("$",),
        r"""\b (?:pbkdf2_\w{1,20}|argon2\w{0,20}|bcrypt\w{0,20}|scrypt|sha1|md5|SCRAM-SHA-256)
              \$ (?!\*\*\*)[^\s"',;)]++
          | \$2[aby]\$\d\d\$[./A-Za-z0-9]{20,}+""",
    ),
    _exact(("pass",), r"(?<=['\"]) md5[0-9a-f]{32} (?=['\"])"),
    _rule(
        ("key-----",),
        r"(-----begin[ ][a-z0-9 ]{0,40}private[ ]key-----) (?s: .*?) (?:(?=-----end)|\Z)",
    ),
)
RULES = (*_ADDRESSES, *_HEADERS, *_STATED, *_ASSIGNED, *_NAMED, *_SPOKEN, *_SHELL, *_TOKENS)
"""In the order in which they are tried: what is hidden whole goes first."""
_HINTS = tuple(dict.fromkeys(rule.hints for rule in RULES))
_BY_HINTS = tuple((_HINTS.index(rule.hints), rule.pattern.sub, rule.replacement) for rule in RULES)


def without_shapes(text: str) -> str:
    """Return text without what has the shape of a secret, as far as one look finds it."""
    low = text.lower()
    # Many rules have their hints in common.
    there: list[bool | None] = [None] * len(_HINTS)
    for hints, replace, replacement in _BY_HINTS:
        if (found := there[hints]) is None:
            found = there[hints] = any(map(low.__contains__, _HINTS[hints]))
        if found:
            text = replace(replacement, text)
    return HIDDEN if is_key_line(text) else text


_KEY_LINE = re.compile(r"(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])(?=[^0-9]*[0-9])[A-Za-z0-9+/]{40,80}={0,2}\s?")


def is_key_line(text: str) -> bool:
    """Return whether a line is nothing but base64, as the lines of a private key are."""
    return _ALONE <= len(text) <= 84 and " " not in text and bool(_KEY_LINE.fullmatch(text))
