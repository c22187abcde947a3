"""Workers on other hosts: a real OpenSSH server on loopback is the other host."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from rampdeck.demo.sshd import SshdServer
from rampdeck.model import Event
from tests.run.conftest import ROOT, Project
from tests.run.test_headless import SETTLED, items_of
from tests.run.test_workers import count_of, site, until

__all__ = ["site"]
OURS = f"env PYTHONPATH={ROOT} {sys.executable} -m rampdeck worker"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The folder for temporary files of that host: other tests have hosts of their own."""
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


@pytest.fixture
def host(tmp_path_factory: pytest.TempPathFactory, there: Path) -> Iterator[SshdServer]:
    """A host that has Locust in its PATH, but not Rampdeck."""
    server = SshdServer.create(tmp_path_factory.mktemp("sshd"))
    conf = server.folder / "sshd_config"
    folder = tmp_path_factory.mktemp("bin")
    (folder / "locust").symlink_to(Path(sys.executable).parent / "locust")
    conf.write_text(f"SetEnv PATH={folder}:/usr/bin:/bin TMPDIR={there}\n{conf.read_text()}")
    with contextlib.ExitStack() as servers:
        yield servers.enter_context(server)


@pytest.fixture
def configured(project: Project, host: SshdServer) -> Callable[..., None]:
    """Write a configuration whose workers are on that host; the locustfile needs a module beside it."""
    project.write("paths.py", 'HOME = "/from-a-module"\n')
    project.write(
        "locustfile.py",
        (project.folder / "locustfile.py").read_text().replace('"/"', "paths.HOME").replace(
            "from locust", "import paths\nfrom locust"
        ),
    )  # fmt: skip

    def configure(command: str, count: int = 2) -> None:
        project.write(
            "rampdeck.toml",
            SETTLED
            + f"""
[workers]
files = ["paths.py"]
[[workers.remote]]
host = "generator"
count = {count}
command = "{command}"
[hosts.generator]
address = "{host.host}"
port = {host.port}
user = "{host.user}"
identity_file = "{host.client_key}"
known_hosts = "{host.known_hosts}"
""",
        )

    return configure


def on_the_host(there: Path) -> list[psutil.Process]:
    """The workers there; they are nobody's children here."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "--master-host" in line and any("python" in part for part in line[:1]):
            with contextlib.suppress(psutil.Error):
                if Path(process.cwd()).parent == there:
                    found.append(process)
    return found


def folders(there: Path) -> set[Path]:
    return set(there.glob("rampdeck-worker.*"))


def logs_of(project: Project) -> list[str]:
    items = items_of(project.session / "session.sqlite")
    return [item.text for item in items if isinstance(item, Event) and item.source == "workers@local"]


def arguments(project: Project, *more: str) -> list[str]:
    given = ["run", "--headless", "-H", project.site, "-u", "4", "-r", "4", "--json-file", "out.json"]
    return [*given, "--master-bind-host", "127.0.0.1", "--master-bind-port", "0", *more]


def test_workers_on_another_host_make_load_and_leave_nothing_there(
    project: Project, configured: Callable[..., None], there: Path
) -> None:
    configured(OURS)
    with project.start(*arguments(project, "-t", "7s")) as cockpit:
        until(lambda: count_of(project.site) > 20 or cockpit.poll() is not None)
        workers = on_the_host(there)
        _, err = cockpit.communicate(timeout=60)
    assert cockpit.returncode in (0, 3), err
    assert len(workers) == 2
    assert project.result["total"]["requests"] == count_of(project.site)
    assert {request["name"] for request in project.result["requests"]} == {"/from-a-module"}
    assert not any(worker.is_running() for worker in workers)
    assert not folders(there), "what was sent is removed"
    assert any("worker generator-1 has joined" in text for text in logs_of(project))


def test_nothing_runs_there_once_the_cockpit_is_killed(
    project: Project, configured: Callable[..., None], there: Path
) -> None:
    configured(OURS)
    with project.start(*arguments(project)) as cockpit:
        until(lambda: count_of(project.site) > 20 or cockpit.poll() is not None)
        workers = on_the_host(there)
        cockpit.kill()
        cockpit.communicate()
    assert len(workers) == 2
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive
    left = folders(there)
    assert left, "nobody was there any more to remove them"
    for folder in left:
        for file in folder.rglob("*"):
            assert file.stat().st_mode & 0o077 == 0 or folder.stat().st_mode & 0o077 == 0


def test_plain_locust_stands_in_where_ours_is_missing_and_it_is_said(
    project: Project, configured: Callable[..., None]
) -> None:
    configured("no-such-program worker", 1)
    done = project.run(*arguments(project, "-t", "7s"))
    assert done.returncode in (0, 3), done.stderr
    assert project.result["total"]["requests"] == count_of(project.site)
    said = logs_of(project)
    assert any("generator has no no-such-program: it runs plain locust" in text for text in said)
    assert any(
        finding["text"].startswith("1 of 1 workers is plain") for finding in project.result["findings"]
    )


def test_a_module_that_was_not_sent_is_named(project: Project, configured: Callable[..., None]) -> None:
    configured(OURS, 1)
    toml = project.folder / "rampdeck.toml"
    toml.write_text(toml.read_text().replace('files = ["paths.py"]', ""))
    done = project.run(*arguments(project))
    assert done.returncode == 5
    assert "No module named 'paths'" in done.stderr
