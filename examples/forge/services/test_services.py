"""Each service as a real process: started, asked over HTTP, stopped. `python -m unittest` in this directory.

Needs the packages of `requirements.txt` and the standard library; the only network is loopback.
"""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

SERVICES = Path(__file__).resolve().parent
READY_WITHIN_SECONDS = 60
STOPPED_WITHIN_SECONDS = 5
ADDRESS = re.compile(r"^(\w+) (\S+) listening on (http://\S+) \(pid (\d+)\)$")

# Runs a service as `python -m` would, but ends it at the first attempt to reach anything beyond loopback.
WITHOUT_NETWORK = """
import os, runpy, sys
def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        name = arguments[1][0]
    elif event == "socket.getaddrinfo":
        name = arguments[0]
    else:
        return
    if name not in ("127.0.0.1", "::1", "localhost"):
        print(f"{event} {name}", file=sys.stderr, flush=True)
        os._exit(99)
sys.addaudithook(watch)
sys.path.insert(0, os.getcwd())
runpy.run_module(sys.argv[1], run_name="__main__")
"""


class Running:
    """One service on a free port, ready to be asked; a context manager that never leaves it behind."""

    def __init__(self, service: str, services: Path = SERVICES) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-B", "-c", WITHOUT_NETWORK, f"{service}_app"],
            cwd=services,
            env=environment(PORT="0"),
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
        )
        ready, _, _ = select.select([self.process.stdout], [], [], READY_WITHIN_SECONDS)
        match = ADDRESS.match(self.process.stdout.readline()) if ready else None
        if match is None:
            self.__exit__()
            raise AssertionError(f"{service} did not say within {READY_WITHIN_SECONDS} s where it listens")
        self.service, self.version, self.url, pid = match.groups()
        assert int(pid) == self.process.pid

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, path: str, body: object = None) -> tuple[int, str]:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data, {"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def stop(self) -> tuple[int, float]:
        """Send SIGTERM; return the exit code and the seconds it took."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOPPED_WITHIN_SECONDS), time.monotonic() - start


def environment(**changes: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.endswith("PORT") and name != "HOST"}
    return {**inherited, **changes}


def attempt(service: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Start a service that is expected to end by itself."""
    command = [sys.executable, "-B", "-m", f"{service}_app"]
    return subprocess.run(
        command, cwd=SERVICES, env=environment(**changes), capture_output=True, text=True, timeout=READY_WITHIN_SECONDS
    )


class FastApi(unittest.TestCase):
    def test_health_and_decimals(self) -> None:
        with Running("fastapi") as conduit:
            status, body = conduit.ask("/health")
            self.assertEqual(status, 200)
            self.assertEqual(
                json.loads(body), {"status": "healthy", "service": "fastapi", "version": conduit.version}
            )
            # The Feynman point: six nines from position 761.
            status, body = conduit.ask("/pi?start=761&count=6")
            self.assertEqual((status, json.loads(body)["decimals"]), (200, "999999"))
            self.assertEqual(conduit.ask("/pi?start=0&count=4000")[0], 200)
            self.assertEqual(conduit.ask("/pi?start=1&count=4000")[0], 422)
            self.assertEqual(conduit.stop()[0], 0)

    def test_the_bad_release_of_the_readme_answers_500(self) -> None:
        readme = (SERVICES.parent / "README.md").read_text(encoding="utf-8")
        bad = re.search(r"```python\n(.+?)```", readme, re.DOTALL).group(1)
        with tempfile.TemporaryDirectory() as checkout:
            services = Path(checkout) / "services"
            shutil.copytree(SERVICES, services, ignore=shutil.ignore_patterns("__pycache__"))
            (Path(checkout) / "VERSION").write_text("1.1.0\n")
            (services / "fastapi_app" / "health.py").write_text(bad, encoding="utf-8")
            with Running("fastapi", services) as conduit:
                status, body = conduit.ask("/health")
                self.assertEqual(status, 500)
                self.assertEqual(
                    json.loads(body),
                    {"status": "unhealthy", "service": "fastapi", "version": "1.1.0", "reason": "FileNotFoundError"},
                )
                self.assertEqual(conduit.ask("/pi")[0], 200, "the rest of the bad release works")


class Flask(unittest.TestCase):
    def test_health_and_glyphs(self) -> None:
        with Running("flask") as weaver:
            status, body = weaver.ask("/health")
            self.assertEqual(status, 200)
            self.assertEqual(json.loads(body), {"status": "healthy", "service": "flask", "version": weaver.version})
            status, pi = weaver.ask("/glyph.svg?text=pi")
            self.assertEqual(status, 200)
            self.assertEqual(pi, weaver.ask("/glyph.svg?text=pi")[1])
            self.assertNotEqual(pi, weaver.ask("/glyph.svg?text=tau")[1])
            self.assertIn("&lt;script&gt;", weaver.ask("/glyph.svg?text=%3Cscript%3E")[1])
            self.assertNotIn("<script>", weaver.ask("/?text=%3Cscript%3E")[1])
            for refused in ("text=", "text=%00", "size=1", "size=x", f"text={'x' * 201}"):
                self.assertEqual(weaver.ask(f"/glyph.svg?{refused}")[0], 400, refused)
            self.assertEqual(weaver.stop()[0], 0)


class Gradio(unittest.TestCase):
    def test_page_and_reflection(self) -> None:
        with Running("gradio") as mirror:
            status, page = mirror.ask("/")
            self.assertEqual(status, 200)
            self.assertIn("Gradio Truth Mirror", page)
            self.assertEqual(mirror.ask("/health")[0], 404, "Gradio has none; `/` is what there is to probe")
            _, accepted = mirror.ask("/gradio_api/call/reflect", {"data": ["It never fails. Always."]})
            event = json.loads(accepted)["event_id"]
            _, stream = mirror.ask(f"/gradio_api/call/reflect/{event}")
            data = re.search(r"^event: complete\ndata: (.+)$", stream, re.MULTILINE).group(1)
            verdict, mirrored, findings = json.loads(data)
            self.assertEqual(verdict, "Speaks in absolutes: ask for evidence.")
            self.assertEqual(mirrored, ".syawlA .sliaf reven tI")
            self.assertEqual((findings["words"], findings["sentences"]), (4, 2))
            self.assertEqual(mirror.stop()[0], 0)


class Start(unittest.TestCase):
    def test_an_occupied_port_is_said_before_anything_is_loaded(self) -> None:
        with Running("fastapi") as first:
            port = first.url.rsplit(":", 1)[1]
            for service in ("fastapi", "flask", "gradio"):
                ended = attempt(service, **{f"{service.upper()}_PORT": port})
                self.assertEqual(ended.returncode, os.EX_UNAVAILABLE, ended.stderr)
                self.assertIn(f"failed to listen on 127.0.0.1:{port}", ended.stderr)
                self.assertIn(f"{service.upper()}_PORT", ended.stderr)

    def test_a_port_that_is_none_is_refused(self) -> None:
        for port in ("banana", "65536", "-1"):
            ended = attempt("flask", FLASK_PORT=port)
            self.assertEqual(ended.returncode, os.EX_CONFIG, ended.stderr)
            self.assertIn("FLASK_PORT", ended.stderr)

    def test_a_client_that_stays_connected_does_not_hold_up_the_stop(self) -> None:
        import socket

        for service in ("fastapi", "flask"):
            with Running(service) as running:
                host, port = running.url.removeprefix("http://").rsplit(":", 1)
                with socket.create_connection((host, int(port)), timeout=5) as client:
                    client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /hea")
                    self.assertTrue(client.recv(1))
                    code, _ = running.stop()
                    self.assertEqual(code, 0, service)


if __name__ == "__main__":
    unittest.main()
