"""One server as a child process: found, started, watched and ended by its own process id.

Every server gets its own process group, and a parent-death signal (`setpriv --pdeathsig`, prctl(2)), so that
not even a parent ended by SIGKILL leaves one behind. Nothing is ever ended by name.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from rampdeck.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HOST = "127.0.0.1"
READY_TIMEOUT = 30.0
"""Seconds a server may take until it answers; generous, since the machine may be busy."""

STOP_PATIENCE = 4.0
"""Seconds between the polite signal and SIGKILL."""


Pause = Callable[[], None]
"""What to do between two looks at something that is not ready yet."""


def short_sleep() -> None:
    """Wait 20 ms: the usual pause."""
    time.sleep(0.02)


def search_path() -> str:
    """Folders in which Debian keeps servers, most of them not in a user's PATH."""
    postgres = sorted(
        Path("/usr/lib/postgresql").glob("[0-9]*/bin"), key=lambda path: float(path.parent.name), reverse=True
    )
    system = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/lib/systemd", "/lib/systemd"]
    return os.pathsep.join([*map(str, postgres), os.environ.get("PATH", ""), *system])


def find_program(name: str) -> str | None:
    """Find the absolute path of a program, or None when it is not installed."""
    return shutil.which(name, path=search_path())


def require_program(name: str, package: str) -> str:
    """Find the absolute path of a program.

    Raises DemoError that names the Debian package when the program is not installed.
    """
    path = find_program(name)
    if path is None:
        raise DemoError(f"{name} is not installed: apt-get install {package}")
    return path


def free_port() -> int:
    """Pick a free TCP port of the loopback, below the range from which the kernel takes clients' ports.

    A load test opens thousands of client sockets; a server's port picked from their range could be taken by
    one of them between the picking and the start.
    """
    ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(200):
        port = random.randrange(10_240, max(ephemeral, 20_000))
        with contextlib.closing(socket.socket()) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise DemoError("no free port was found on 127.0.0.1: close some programs and try again")


def unprivileged_user(*preferred: str) -> str | None:
    """Name the user to whom root hands a server; None when this process is not root and stays itself."""
    if os.geteuid() != 0:
        return None
    for name in (*preferred, "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise DemoError("no unprivileged user (postgres, nobody) exists on this machine: create one with adduser")


def temporary_base() -> Path:
    """Find the folder for temporary folders that every user can reach, such as /tmp."""
    candidates = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    return next((path for path in candidates if _open_to_all(path)), candidates[0])


def make_folder(prefix: str) -> Path:
    """Make a folder that others may pass through but not list: Nginx's workers and PostgreSQL live inside."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=temporary_base()))
    folder.chmod(0o711)
    return folder


def _open_to_all(path: Path) -> bool:
    return path.is_dir() and all(
        step.stat().st_mode & 0o001 for step in (path.resolve(), *path.resolve().parents)
    )


def write_secret(path: Path, text: str, owner: str | None = None) -> Path:
    """Write a file that only its owner can read, from its first moment on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    if owner is not None:
        hand_over(path, owner)
    return path


def hand_over(path: Path, owner: str | None) -> None:
    """Make `owner` the owner of a file or folder; nothing happens when owner is None."""
    if owner is not None:
        account = pwd.getpwnam(owner)
        os.chown(path, account.pw_uid, account.pw_gid)


def last_lines(path: Path, count: int = 8) -> str:
    """Read the end of a log file, for an error message."""
    if not path.exists():
        return ""
    return "\n".join(path.read_bytes()[-8192:].decode(errors="replace").splitlines()[-count:])


class ServerProcess:
    """One server process that can be started, stopped and started again.

    `user` is to whom root hands the process. `stdin` and `output` are file descriptors; without `output`,
    standard output and error go to `log`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        stop_signal: signal.Signals = signal.SIGTERM,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        output: int | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.stop_signal = stop_signal
        self.user = user
        self.environment = environment
        self.stdin = stdin
        self.output = output
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; raises DemoError when the server was not started."""
        if self._process is None:
            raise DemoError(f"{self.name} is not running: start it first")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process exists and has not ended."""
        return self._process is not None and self._process.poll() is None

    def collect(self) -> None:
        """Take note of the end of the process, if it ended."""
        if self._process is not None:
            self._process.poll()

    def launch(self) -> None:
        """Start the process and return at once; `wait_ready` tells when it answers."""
        if self.running:
            raise DemoError(f"{self.name} runs already as process {self.pid}: stop it first")
        setpriv = [
            require_program("setpriv", "util-linux"),
            "--pdeathsig",
            self.stop_signal.name.removeprefix("SIG"),
        ]
        if self.user is not None:
            account = pwd.getpwnam(self.user)
            setpriv += ["--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--init-groups"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*setpriv, "--", *self.command],
                stdin=self.stdin,
                stdout=log if self.output is None else self.output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.log.parent,
                env=None if self.environment is None else {**os.environ, **self.environment},
            )

    def wait_ready(self, answers: Callable[[], bool], pause: Pause = short_sleep) -> None:
        """Wait until `answers()` is true, with a `pause()` between two questions.

        Raises DemoError with the last lines of the log when the process ends first or READY_TIMEOUT passes.
        """
        deadline = time.monotonic() + READY_TIMEOUT
        while not answers():
            if self._process is None or self._process.poll() is not None:
                code = "unknown" if self._process is None else self._process.returncode
                raise DemoError(f"{self.name} ended while starting (code {code}):\n{last_lines(self.log)}")
            if time.monotonic() > deadline:
                raise DemoError(
                    f"{self.name} did not answer within {READY_TIMEOUT:g} s:\n{last_lines(self.log)}"
                )
            pause()

    def wait_end(self, pause: Pause = short_sleep) -> None:
        """Wait until a process that does one job has done it.

        Raises DemoError with the last lines of its log when it fails.
        """
        while self.running:
            pause()
        if self._process is None or self._process.returncode != 0:
            raise DemoError(f"{self.name} failed:\n{last_lines(self.log)}")

    def stop(self, patience: float = STOP_PATIENCE) -> None:
        """End the process and everything that descends from it: politely, then by SIGKILL.

        Descendants are looked up before the first signal, since sshd's sessions leave their listener's group
        and outlive it; the group is ended as well, since the workers of a killed Nginx are nobody's children.
        """
        process, self._process = self._process, None
        if process is None:
            return
        family: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(process.pid).children(recursive=True)
        if process.poll() is None:
            process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        end_all(family)

    def finish(self, patience: float = STOP_PATIENCE) -> None:
        """Let a process whose input has ended come to its own end, then make sure of it."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        self.stop()


def end_all(processes: Sequence[psutil.Process]) -> None:
    """End processes by SIGKILL and wait until they are gone; those that ended by themselves are fine."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(list(processes), timeout=STOP_PATIENCE)


def tcp_answers(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0
