"""No secret reaches a file."""

import pytest

from rampdeck.secrets import redact, redact_arguments, redact_values

SECRET = "hunter2-S3cr3t"


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
    ],
)
def test_a_secret_is_taken_out(text: str) -> None:
    assert SECRET not in redact(text)


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
