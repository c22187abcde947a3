"""What the status of an answer means for whoever runs the stack, and what to do."""

from __future__ import annotations

from rampdeck.preflight.http import Answer

PROBLEMS = {
    400: (
        "Django does not know the host, or the proxy hands another one on",
        "Put the host into ALLOWED_HOSTS, and hand it on: proxy_set_header Host $http_host;",
    ),
    401: (
        "the target wants a password of its own (HTTP authentication)",
        "Write user name and password before the name in [target] host, with an @, or take it off",
    ),
    403: (
        "the target lets this machine not in",
        "Allow the address of this machine in the proxy, the firewall or the WAF",
    ),
    404: ("there is no such page", "Name a page that is there: [preflight] path"),
    429: ("the target limits how often this machine may ask", "Take this machine out of the rate limit"),
    500: ("the application fails", "Look into the application's log: the traceback is there, or it is lost"),
    502: (
        "the proxy does not reach the application",
        "Start the application server, or mend proxy_pass: systemctl status gunicorn",
    ),
    503: (
        "nobody is there to answer it, or the maintenance page is on",
        "Start the application server, or end the maintenance",
    ),
    504: ("the application is too slow for the proxy", "Look what a worker does: py-spy dump --pid PID"),
}
"""What a status means, and what to do."""
_TO_TLS = "sent to https port"


def told(answer: Answer) -> str:
    """Return what was asked and what came, in one phrase."""
    return f"GET {answer.path} → {answer.status} in {answer.seconds * 1000:.0f} ms"


def problem(answer: Answer) -> tuple[str, str]:
    """Return what a status of 400 or above means, and what to do."""
    if answer.status == 400 and _TO_TLS in answer.text.lower():
        return "the server wants TLS there", 'Write https in [target] host = "https://..."'
    kind = 500 if answer.status >= 500 else 404
    return PROBLEMS.get(answer.status, PROBLEMS[kind] if kind == 500 else ("it refuses", PROBLEMS[404][1]))
