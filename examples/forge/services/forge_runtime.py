"""What the three services share: where they listen, which release they are, how they start and stop.

What a service *does* lives in its own package; nothing here knows π, glyphs or mirrors.
"""

import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

CHECKOUT = Path(__file__).resolve().parents[1]
"""The root of the release's checkout: the directory that holds `VERSION` and `services/`."""

STOP_WITHIN_SECONDS = 3
"""How long open requests may finish after SIGTERM; whoever stops a service may then count on its end."""


@dataclass(frozen=True)
class Settings:
    """Where one service listens and what it calls itself."""

    service: str
    host: str
    port: int
    version: str

    @classmethod
    def of(cls, service: str, default_port: int, env: Mapping[str, str] = os.environ) -> "Settings":
        """Read `<SERVICE>_PORT`, else `PORT`, else the default; `HOST`, else loopback; and `VERSION`.

        An empty variable counts as unset. Ends the process with EX_CONFIG (78) on a port that is none.
        """
        variable = f"{service.upper()}_PORT"
        name = next((each for each in (variable, "PORT") if env.get(each)), None)
        port = default_port if name is None else _port(name, env[name])
        return cls(service, env.get("HOST") or "127.0.0.1", port, release_version())


def release_version(root: Path = CHECKOUT) -> str:
    """Return the one line of `VERSION`, or "unreleased" where a checkout has none or an empty one."""
    try:
        return (root / "VERSION").read_text(encoding="utf-8").strip() or "unreleased"
    except FileNotFoundError:
        return "unreleased"
    except (OSError, UnicodeDecodeError) as fault:
        _end(os.EX_CONFIG, f"failed to read {root / 'VERSION'}: {fault}")


def claim(settings: Settings) -> socket.socket:
    """Bind the address without listening yet: an occupied port shows before anything heavy is imported,
    and a connection is refused, not kept waiting, until the service can answer.

    Ends the process with EX_UNAVAILABLE (69) when the address cannot be had. Also makes SIGTERM an
    orderly exit from here on, however far the start has come.
    """
    signal.signal(signal.SIGTERM, _exit_cleanly)
    where = f"{settings.host}:{settings.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as fault:
        hint = f"stop what listens there or set {settings.service.upper()}_PORT"
        _end(os.EX_UNAVAILABLE, f"failed to listen on {where}: {fault.strerror}; {hint}")
    return listener


def announce(settings: Settings, listener: socket.socket) -> None:
    """Listen, then say so in one line on stdout. Port 0 shows as the port that the system chose."""
    listener.listen(128)
    host, port = listener.getsockname()[:2]
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    print(f"{settings.service} {settings.version} listening on http://{authority} (pid {os.getpid()})", flush=True)


def serve_asgi(app: object, settings: Settings, listener: socket.socket) -> None:
    """Serve an ASGI application until SIGTERM or SIGINT; open requests get `STOP_WITHIN_SECONDS` to finish."""
    import uvicorn

    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=STOP_WITHIN_SECONDS
    )
    announce(settings, listener)
    # uvicorn raises the signal again when it has shut down, which `_exit_cleanly` turns into exit code 0.
    uvicorn.Server(config).run(sockets=[listener])


def _port(name: str, text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    _end(os.EX_CONFIG, f"failed to read {name}={text!r}: expected a port from 0 to 65535")


def _exit_cleanly(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _end(code: int, message: str) -> NoReturn:
    print(message, file=sys.stderr, flush=True)
    sys.exit(code)
