"""No secret reaches a file."""

import base64
import json
from collections.abc import Iterator
from html import escape
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rampdeck.secrets import known as secrets
from rampdeck.secrets import redact, redact_arguments, redact_values
from rampdeck.secrets.shapes import RULES, suspicious

from .holding import HEX, SECRET, is_taken_out

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N"


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    secrets.forget()
    yield
    secrets.forget()


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://app:{SECRET}@db.staging:5432/shop",
        f"redis://:{SECRET}@127.0.0.1:6379/1",
        f"postgres://app:p@{SECRET}@db/shop",
        f"postgres://app:p12/{SECRET}@db/shop",
        f"host=db user=app password={SECRET} dbname=shop",
        f"host=db password='with space {SECRET}' user=app",
        f"Authorization: Bearer {SECRET}",
        f"Authorization: Basic {SECRET}==",
        f"{{'Authorization': 'Token {SECRET}', 'Accept': '*/*'}}",
        f"got Bearer {SECRET} from the client",
        f"GET /reset?token={SECRET}&next=/ HTTP/1.1",
        f"/api?next=/&api_key={SECRET}",
        f"/api?key={SECRET}",
        f"/files?X-Amz-Signature={SECRET}",
        f"Cookie: theme=dark; sessionid={SECRET}; csrftoken=abc",
        f'{{"user": "x", "password": "{SECRET}"}}',
        f"url=token={SECRET}",
        f"DJANGO_SECRET_KEY={SECRET}",
        f"csrfmiddlewaretoken={SECRET}",
        f"PASSWORD: {SECRET}",
        # addresses and connection strings
        f"postgres:\\/\\/app:{SECRET}@db\\/shop",
        f"next=postgres%3A%2F%2Fapp%3A{SECRET}%40db%2Fshop",
        f"amqp://guest:{SECRET}@mq//, redis://:{SECRET}@cache:6379/0",
        f"https://{HEX}{SECRET}@sentry.example/4",
        f"jdbc:postgresql://db/shop?user=app&password={SECRET}&ssl=true",
        f"Server=db;User Id=app;Password={SECRET};Database=shop",
        f"host=db password='it\\'s {SECRET}' user=app",
        # headers
        f"authorization: AWS4-HMAC-SHA256 Credential=AKIA/x, SignedHeaders=host, Signature={SECRET}",
        f'Authorization: Digest username="app", response="{SECRET}"',
        f"Proxy-Authorization: Negotiate {SECRET}",
        f"X-Api-Key: {SECRET}",
        f"x-auth-user: {SECRET}",
        f"X-CSRFToken: {SECRET}",
        f"Set-Cookie: sessionid={SECRET}; HttpOnly; Path=/",
        f'Cookie: a="b"; sessionid={SECRET}',
        f"{{'Cookie': 'a=b; sessionid={SECRET}', 'Host': 'x'}}",
        f"[(b'cookie', b'sessionid={SECRET}'), (b'host', b'x')]",
        f'{{"HTTP_COOKIE": "a=\\"b\\"; sessionid={SECRET}"}}',
        f"curl -H 'Authorization: Bearer {SECRET}' http://web/",
        f"curl -H 'Cookie: a=b; x={SECRET}' -H 'Authorization: Token {SECRET}' http://web/",
        # queries and forms
        *(
            f"GET /callback?next=/&{name}={SECRET} HTTP/1.1"
            for name in (
                "access_token",
                "api_key",
                "signature",
                "sig",
                "code",
                "csrfmiddlewaretoken",
                "sessionid",
            )
        ),
        f"/object?X-Amz-Credential=AKIA&X-Amz-Signature={SECRET}&X-Amz-Date=2026",
        f"/object?X-Amz-Security-Token={SECRET}",
        f"body: next=%2F&password%3D{SECRET}",
        f'<input type="hidden" name="csrfmiddlewaretoken" value="{SECRET}">',
        f'Content-Disposition: form-data; name="password"\r\n\r\n{SECRET}\r\n--x',
        # printed objects
        f"{{'username': 'a', 'password': '{SECRET}'}}",
        f"[('username', 'a'), ('password', '{SECRET}')]",
        f"login(username='a', password='{SECRET}')",
        f"Login(username=a, password={SECRET})",
        f'{{\\"user\\": \\"a\\", \\"password\\": \\"it is {SECRET}\\"}}',
        f'"password" => "{SECRET}"',
        f"password: '{SECRET} and more",
        # SQL and Redis
        f"CREATE ROLE app LOGIN PASSWORD '{SECRET}'",
        f"ALTER USER app WITH ENCRYPTED PASSWORD E'{SECRET}'",
        f"CREATE USER app IDENTIFIED BY '{SECRET}'",
        f"UPDATE auth_user SET \"password\" = '{SECRET}' WHERE id = 7",
        f"SELECT 1 FROM account WHERE password LIKE '{SECRET}'",
        f"SELECT 1 FROM django_session WHERE session_key = '{SECRET}'",
        f"INSERT INTO auth_user VALUES (1, 'pbkdf2_sha256$600000$salt${SECRET}')",
        f"values ('SCRAM-SHA-256$4096:{SECRET}')",
        f"CONFIG SET requirepass {SECRET}",
        f"AUTH default {SECRET}",
        f'1700000000.1 [0 127.0.0.1:5000] "AUTH" "default" "{SECRET}"',
        f"ACL SETUSER app on >{SECRET} ~* +@all",
        "GET :1:django.contrib.sessions.cache" + HEX,
        # the shell
        f"mysqldump -h db -p{SECRET} shop",
        f"sshpass -p {SECRET} ssh web",
        f"tool -p{SECRET} run",
        f"redis-cli -h cache -a {SECRET} INFO",
        f"curl -s -u app:{SECRET} https://web/",
        f"createuser --password {SECRET} app",
        f"PGPASSWORD={SECRET} psql",
        f"export STRIPE_KEY={SECRET}",
        f"SENTRY_DSN=https://{HEX}@sentry/{SECRET}",
        # sentences
        f"logging in with password {SECRET}",
        f"the token is {SECRET} now",
        f"KeyError for password '{SECRET}'",
    ],
)
def test_a_secret_is_taken_out(text: str) -> None:
    assert is_taken_out(text)


@pytest.mark.parametrize(
    "token",
    [
        JWT,
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "a1B2" * 9,
        "xoxb-1234567890-abcdefghij",
        "sk_live_" + "a1B2" * 6,
        "glpat-" + "a1B2" * 5,
        "AIza" + "a1B2" * 9,
        "$2b$12$" + "a1B2" * 13,
    ],
)
def test_a_token_is_known_by_its_own_shape_wherever_it_stands(token: str) -> None:
    assert redact(f"got {token}, which is wrong") == "got ***, which is wrong"
    assert redact(token) == "***"
    assert token not in redact(f"/orders/{token}/x")


def test_a_private_key_goes_whole_and_line_by_line() -> None:
    body = base64.b64encode(bytes(range(256))).decode()
    lines = [body[start : start + 64] for start in range(0, 256, 64)]
    head, end = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"
    assert redact("\n".join(["loaded", head, *lines, end, "done"])) == f"loaded\n{head}***{end}\ndone"
    assert not any(line in redact("\\n".join([head, *lines])) for line in lines)
    assert [redact(line) for line in lines] == ["***"] * 4, "in a log every line of it is a line of its own"


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:8000/@user/page",
        "GET /orders/?page=2&sort=date 200",
        "[CRITICAL] WORKER TIMEOUT (pid:4121)",
        "password_env=SHOP_PASSWORD",
        "ssh deploy@web-1:22",
        "ratio 3:4 at monkey=see",
        "HTTPError('500 Server Error: Internal Server Error for url: /checkout/')",
        "/reset-token/[id]",
        "POST /password_reset/done/ 200",
        "/reset?token=[token]&next=/",
        "/search?q=shoes&page=2&sort=-date",
        "p95{name=/reset-token/[id]} < 800ms",
        "postgres.connections < 80% at peak",
        "redis.evicted_keys == 0",
        "error_rate{name=/auth/login/} < 1% over 30s",
        "Invalid password for user app",
        "a token is wanted",
        "the session is over, the keys are sorted, the author is known",
        "SELECT id FROM auth_user WHERE password = $1 AND token IN ($2)",
        "password = %s",
        "password_file = /run/secrets/postgres",
        'FATAL: password authentication failed for user "app"',
        "Basic Authentication is required",
        'duplicate key value violates unique constraint "orders_pkey"',
        "Key (email)=(a@example.org) already exists.",
        "ssh -p 2222 deploy@web-1",
        "docker run -p 8080:80 web",
        "find . -path ./x -print",
        "mail a@example.org and b@example.org",
        "http://[::1]:8000/orders/",
        "connect to http://web:8000, then http://db:5432;",
        "d41d8cd98f00b204e9800998ecf8427e1234567890abcdef1234567890abcdef",
        "http://127.0.0.1:8000/a/rather/long/path/without/any/secret/in/it/",
        "task-12 of disk-3 asked for 7 items in Asia",
        "[2026-11-22 18:01:02 +0000] [4003] [INFO] Booting worker with pid: 4003",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_the_rest_of_the_text_stays() -> None:
    assert redact(f"postgresql://app:{SECRET}@db:5432/shop") == "postgresql://app:***@db:5432/shop"
    assert redact(f"GET /reset?token={SECRET}&next=/x") == "GET /reset?token=***&next=/x"


def test_an_option_with_its_value_behind_it() -> None:
    line = ["rampdeck", "run", "--password", SECRET, "-u", "5", f"--api-key={SECRET}", "--host", "http://x"]
    assert redact_arguments(line) == (
        "rampdeck", "run", "--password", "***", "-u", "5", "--api-key=***", "--host", "http://x",
    )  # fmt: skip


def test_a_configuration_is_cleaned_by_its_keys_too() -> None:
    collectors = [{"kind": "postgres", "password": SECRET, "password_env": "PG", "dsn": f"password={SECRET}"}]
    assert redact_values({"collectors": collectors, "load": {"step": 10}}) == {
        "collectors": [{"kind": "postgres", "password": "***", "password_env": "PG", "dsn": "password=***"}],
        "load": {"step": 10},
    }


# --- Secrets that are known by their value


def test_a_known_secret_goes_wherever_and_however_it_stands() -> None:
    value = 'p/w "quoted" & wörd+1'
    secrets.know(value)
    basic = [base64.b64encode(f"{user}:{value}".encode()).decode() for user in ("a", "ap", "app")]
    for spelled in (
        value,
        quote(value, safe=""),
        json.dumps(value),
        repr(value),
        quote(value, safe="").replace("%2F", "%2f").replace("%C3%B6", "%c3%b6").replace("%2B", "%2b"),
        escape(value),
        *(f"Basic {one}" for one in basic),
    ):
        left = redact(f"it said {spelled} and left")
        assert "***" in left
        assert not any(part in left for part in ("quoted", "w%C3%B6rd", basic[0][8:20], basic[1][8:20]))


def test_ordinary_words_and_short_ones_are_not_looked_for() -> None:
    for word in ("shop", "password", "postgres", "12345", "", None):
        secrets.know(word)
    text = "the shop on postgres, page 12345 of the password help"
    assert redact(text) == text


def test_what_the_environment_holds_under_the_name_of_a_secret_is_known() -> None:
    secrets.know_environment(
        {
            "SHOP_PASSWORD": SECRET,
            "DATABASE_URL": "postgres://app:other-S3cr3t@db/shop",
            "PWD": "/home/me/project",
            "TOKEN_FILE": "/run/secrets/token",
            "LANG": "de_DE.UTF-8",
            "TOKEN_URL": "https://login.example.org/token",
        }
    )
    assert redact(f"{SECRET} and other-S3cr3t of db") == "*** and *** of db"
    stays = "in /home/me/project, de_DE.UTF-8, https://login.example.org/token"
    assert redact(stays) == stays


def test_what_the_command_line_holds_behind_the_name_of_a_secret_is_known() -> None:
    secrets.know_arguments(
        ["--password", SECRET, "--api-key=other-S3cr3t", "-H", "http://me:third-S3cr3t@web", "-u", "5"]
    )
    assert redact(f"{SECRET} other-S3cr3t third-S3cr3t 5") == "*** *** *** 5"


# --- Whatever the text

PIECES = [
    *(
        "password",
        "token=",
        "Authorization: ",
        "Cookie",
        "://",
        "@",
        ":",
        "=",
        "'",
        '"',
        "\\",
        '\\"',
        "b'",
        "%3D",
    ),
    *(
        "-----BEGIN PRIVATE KEY-----",
        "eyJ",
        "?code=",
        "&",
        " -p",
        "--password ",
        "AUTH ",
        "IDENTIFIED BY ",
        "$2b$12$",
    ),
    *(
        "***",
        "[id]",
        "{",
        "}",
        "\n",
        " ",
        "\0",
        "\x1b[36m",
        "\x1b",
        "insert into a (key) values (",
        "DB_PASSWORD=",
        "&quot;",
        "[",
        "(",
        ",",
        "é",
        "ß",
        "İ",
        "\ud800",
        SECRET,
        "x",
        "0",
        "/",
        "mysql ",
        "curl -u ",
    ),
]
"""What secrets stand among."""
hostile = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=30).map("".join))


@given(hostile)
def test_any_text_can_be_redacted_and_what_is_redacted_stays_as_it_is(text: str) -> None:
    left = redact(text)
    assert redact(left) == left


@given(hostile)
def test_what_no_hint_stands_in_no_rule_would_touch(text: str) -> None:
    if not suspicious(text.lower()):
        for rule in RULES:
            low = text.lower()
            if any(hint in low for hint in rule.hints):
                assert rule.pattern.sub(rule.replacement, text) == text


@pytest.mark.parametrize(
    "piece",
    [
        *PIECES,
        "a.",
        "a-",
        "password",
        "a=",
        "://:",
        "://a:",
        "--a",
        "\\'",
        "passwordpassword:",
        "mysql ",
        "{'",
        "token'",
        '"password":"',
        'secret \\"',
        "sk-",
        "eyJ.",
        "x/",
    ],
)
def test_a_long_line_is_no_burden_whatever_it_repeats(piece: str) -> None:
    # Were any rule worse than linear, this would not end.
    many = piece * (200_000 // len(piece))
    redact(many)
    redact(f"password{many}@")


def test_a_line_of_a_megabyte_is_no_burden() -> None:
    redact("".join(PIECES) * (1_000_000 // len("".join(PIECES))))
