"""--auto-step against a server whose capacity is known: the knee that it finds is the right one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.run.conftest import ANY_MACHINE, Project, serving

SERVERS, SERVICE, THINK = 8, 0.05, 0.2
CAPACITY = SERVERS / SERVICE
SATURATED_AT = SERVERS * (SERVICE + THINK) / SERVICE
SERVER = f"""
import asyncio

async def main():
    workers = asyncio.Semaphore({SERVERS})

    async def serve(reader, writer):
        try:
            while True:
                await reader.readuntil(b"\\r\\n\\r\\n")
                async with workers:
                    await asyncio.sleep({SERVICE})
                writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
        except Exception:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""
LOCUSTFILE = f"""
from locust import FastHttpUser, constant, task

class Visitor(FastHttpUser):
    wait_time = constant({THINK})

    @task
    def home(self):
        self.client.get("/")
"""
CONFIGURATION = f"""
[load]
step = 15
spawn_rate = 100
settle = "1s"
auto_hold = "3s"
max_users = 150
target_users = 30
{ANY_MACHINE}
[gate]
thresholds = ["p95 < 260ms", "error_rate < 1%"]
"""


@pytest.fixture
def small_site() -> Iterator[str]:
    with serving(SERVER) as address:
        yield address


def test_the_knee_of_a_small_server_is_found_and_whether_it_recovers(
    project: Project, small_site: str
) -> None:
    project.site = small_site
    project.write("locustfile.py", LOCUSTFILE)
    project.write("rampdeck.toml", CONFIGURATION)
    done = project.headless("--auto-step", seconds=180)
    assert done.returncode == 1, f"the last level is one that fails\n{done.stderr}"
    result = project.result
    *up, back = [(step["users"], step["cause"], step["stage"]) for step in result["steps"]]
    assert up == [(users, "auto", "auto-step") for users in range(15, 15 * len(up) + 1, 15)]
    assert back == (up[-2][0], "auto", "recovery")
    knee = result["knee"]
    # Seconds of measuring may be too few requests to be sure of the lowest levels.
    assert (knee["low"] or 0) <= SATURATED_AT <= knee["high"] <= 2 * SATURATED_AT
    assert knee["passed"] == back[0] >= 30
    assert knee["failed"] == up[-1][0]
    assert knee["headroom"] == knee["passed"] - 30
    # On a machine that others keep busy the level below may be slower the second time.
    word = "recovered" if knee["recovery"]["recovered"] else "did not recover"
    assert knee["auto_step"] == f"{word} at {back[0]} users after {up[-1][0]} had failed"
    assert all(rate <= 1.1 * CAPACITY for rate in (step["rps"] for step in result["steps"]))
    assert knee["sentence"] in done.stderr
    assert "## Capacity" in (project.session / "record.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "gate", "why"),
    [
        ((), "thresholds = []", "no threshold judges a load level"),
        (("-u", "500"), 'thresholds = ["p95 < 1s"]', "500 users are more than max_users, 150"),
    ],
)
def test_an_auto_step_that_cannot_work_is_refused_before_it_starts(
    project: Project, arguments: tuple[str, ...], gate: str, why: str
) -> None:
    project.write("rampdeck.toml", CONFIGURATION.partition("[gate]")[0] + "[gate]\n" + gate)
    done = project.headless("--auto-step", *arguments)
    assert done.returncode == 2
    assert why in done.stderr


def test_an_auto_step_does_not_fight_a_shape_for_the_load(project: Project) -> None:
    shape = (
        "\nfrom locust import LoadTestShape\nclass Shape(LoadTestShape):\n    def tick(self): return None\n"
    )
    project.write("locustfile.py", LOCUSTFILE + shape)
    done = project.headless("--auto-step")
    assert done.returncode == 2
    assert "LoadTestShape drives the load" in done.stderr
