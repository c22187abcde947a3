"""Nginx on loopback, in front of one HTTP server, with its own configuration in its own folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rampdeck.demo.process import (
    HOST,
    ServerProcess,
    free_port,
    require_program,
    tcp_answers,
    unprivileged_user,
)
from rampdeck.demo.servers import Server, new_folder

if TYPE_CHECKING:
    from collections.abc import Collection

NGINX_CONF = """
daemon off;
{user}worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;

events {{
    worker_connections 1024;
}}

http {{
    types {{
        text/html html;
        text/css css;
        text/javascript js;
        image/svg+xml svg;
        image/png png;
    }}
    default_type application/octet-stream;

    # "combined" with the time a request took, here and behind, in seconds
    log_format timing '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                      '"$http_referer" "$http_user_agent" '
                      'rt=$request_time uct=$upstream_connect_time uht=$upstream_header_time '
                      'urt=$upstream_response_time us=$upstream_status';
    access_log {folder}/access.log {log_format};

    client_body_temp_path {folder}/temp/body;
    proxy_temp_path {folder}/temp/proxy;
    fastcgi_temp_path {folder}/temp/fastcgi;
    uwsgi_temp_path {folder}/temp/uwsgi;
    scgi_temp_path {folder}/temp/scgi;
    sendfile on;
    tcp_nodelay on;

    {balanced}server {{
        listen {host}:{port};
        server_name localhost;

        {static_files}location / {{
            proxy_pass {backend};
            # with its port, unlike $host: a browser's Origin is compared with it when a form is posted
            proxy_set_header Host {passed_host};
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host {passed_host};
            proxy_read_timeout {timeout}s;
        }}
    }}
}}
"""

STATIC_FILES = """\
location /static/ {{
            alias {static}/;
            expires 1h;
        }}

        """
TIMEOUT = 35
"""Seconds that Nginx waits for Gunicorn: longer than Gunicorn for its worker, which says more."""
BALANCED = """\
upstream shop {{
        server {upstream} weight=19;
        server {dead} max_fails=0;
    }}
    proxy_next_upstream off;

    """
"""What takes the one backend's place when another one is down."""


@dataclass(frozen=True)
class NginxServer(Server):
    """Nginx in front of one HTTP server, serving `/static/` itself, with a timed access log."""

    folder: Path
    port: int
    process: ServerProcess = field(repr=False)
    config: Path
    access_log: Path
    error_log: Path
    static: Path
    """The folder behind `/static/`."""
    host: str = HOST

    @classmethod
    def create(cls, parent: Path, upstream: str, dead: int = 0, faults: Collection[str] = ()) -> NginxServer:
        """Prepare a server before `upstream` (`http://127.0.0.1:80`) and, for 1 in 20, a `dead` port."""
        program = require_program("nginx", "nginx-light")
        folder = new_folder(parent, "nginx")
        static = new_folder(folder, "static")
        static.chmod(0o755)
        new_folder(folder, "temp")
        user, port = unprivileged_user("www-data", "nginx"), free_port()
        config = folder / "nginx.conf"
        balanced = BALANCED.format(upstream=upstream.removeprefix("http://"), dead=f"{HOST}:{dead}")
        config.write_text(
            NGINX_CONF.format(
                user=f"user {user};\n" if user else "",
                host=HOST,
                port=port,
                folder=folder,
                static_files="" if "static-by-django" in faults else STATIC_FILES.format(static=static),
                passed_host="$host" if "wrong-origin" in faults else "$http_host",
                log_format="combined" if "no-timings" in faults else "timing",
                timeout=30 if "equal-timeouts" in faults else TIMEOUT,
                backend="http://shop" if dead else upstream,
                balanced=balanced if dead else "",
            ).lstrip()
        )
        command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(config)]
        return cls(
            folder=folder,
            port=port,
            process=ServerProcess("Nginx", command, folder / "nginx.log"),
            config=config,
            access_log=folder / "access.log",
            error_log=folder / "error.log",
            static=static,
        )

    @property
    def url(self) -> str:
        """The address to ask, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def answers(self) -> bool:
        """Whether Nginx accepts connections."""
        return tcp_answers(self.port)
