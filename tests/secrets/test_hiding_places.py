"""Where secrets hide from a simple look: colours, lists, environments, plans, statements, other spellings."""

import pytest

from rampdeck.secrets import known, redact, redact_arguments

from .holding import HEX, SECRET, is_taken_out


@pytest.mark.parametrize(
    "text",
    [
        # in colours, as structlog writes on a terminal and into a journal
        f"\x1b[36mpassword\x1b[0m=\x1b[35m{SECRET}\x1b[0m \x1b[36muser\x1b[0m=a",
        # several at once
        f"SECRET_KEY_FALLBACKS = ['old', '{SECRET}']",
        f'{{"tokens": ["abc", "{SECRET}"], "ok": true}}',
        f"auth=('app', '{SECRET}')",
        f"WHERE session_key IN ('aaa', '{SECRET}')",
        f"Index Cond: ((token)::text = ANY ('{{abc,{SECRET}}}'::text[]))",
        # variables of an environment, whatever stands in them
        f"gunicorn --env SECRET_KEY=ab&cd)ef;{SECRET} app.wsgi",
        f"gunicorn --env 'SECRET_KEY=ab;cd {SECRET}' app.wsgi",
        f'Environment="DB_PASSWORD=with space {SECRET}" OTHER=x',
        f'"Env":["DB_PASSWORD=with \\"quotes\\", {SECRET}","PATH=/bin"]',
        f'{{\\"Env\\":[\\"DB_PASSWORD=with space, {SECRET}\\"]}}',
        f"FERNET_KEYS={SECRET}",
        # plans, statements and errors of PostgreSQL
        f"Filter: ((password)::text = '{SECRET}'::text)",
        f"Index Cond: ((session_key)::text = '{SECRET}'::text)",
        f'INSERT INTO "django_session" ("session_key", "expire_date") VALUES (\'{SECRET}\', \'2026\')',
        f'INSERT INTO "authtoken_token" ("key", "user_id")\nVALUES (\'{SECRET}\', 1)',
        f'UPDATE "django_session" SET "session_data" = \'.{SECRET}:1abc:sig\', "expire_date" = \'2026\'',
        f"DETAIL:  Key (session_key)=({SECRET}) already exists.",
        f'SELECT 1 FROM "authtoken_token" WHERE "authtoken_token"."key" = \'{HEX}\' LIMIT 21',
        f"Index Cond: ((key)::text = '{HEX}'::text)",
        # other spellings
        f"GET /x?filter=%7B%22token%22%3A%22{SECRET}%22%7D HTTP/1.1",
        f"<td>password&quot;: &quot;{SECRET}&quot;</td>",
        f"<soap:password>{SECRET}</soap:password>",
        f'{{"user": "app", "pass": "{SECRET}"}}',
        f'["x-api-key", "{SECRET}"]',
        f"host=db password=ab)>{SECRET} dbname=shop",
        f"Passwort={SECRET}",
        f"PHPSESSID={SECRET}; path=/",
    ],
)
def test_a_secret_is_found_there(text: str) -> None:
    assert is_taken_out(text)


@pytest.mark.parametrize(
    "text",
    [
        'SELECT "auth_user"."id", "auth_user"."password", "auth_user"."last_login" FROM "auth_user"',
        'INSERT INTO "django_session" ("session_key", "session_data", "expire_date") VALUES ($1, $2, $3)',
        "SELECT key, value FROM settings WHERE key = $1 AND pass = $2",
        "FROM a JOIN b ON a.session_key=b.session_key",
        "WHERE token = ANY($1)",
        "Unexpected token '<' at position 0",
        "tokenizer: fast, secretary: Anna",
        '"token_type": "Bearer", "expires_in": 3600',
        "password_min_length: 12",
        "\x1b[31mERROR\x1b[0m the token is wanted",
    ],
)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert redact(text) == text


def test_a_variable_of_a_server_goes_whole() -> None:
    line = [
        "gunicorn",
        "--env",
        f"DJANGO_KEY=a&b;{SECRET}",
        f"--env=DB_PASS=x {SECRET}",
        "-w",
        "4",
        "shop.wsgi",
    ]
    assert redact_arguments(line) == (
        "gunicorn", "--env", "DJANGO_KEY=***", "--env=DB_PASS=***", "-w", "4", "shop.wsgi",
    )  # fmt: skip


def test_what_was_given_is_looked_for_however_much_the_environment_has() -> None:
    known.forget()
    known.know_environment({f"SERVICE_{number}_TOKEN": f"{SECRET}-{number}" for number in range(100)})
    known.know("given-S3cr3t")
    assert redact("it is given-S3cr3t") == "it is ***"
    known.forget()
