"""Start the Glyph Weaver: `python -m flask_app`."""

import socket

from forge_runtime import STOP_WITHIN_SECONDS, Settings, announce, claim


def main() -> None:
    settings = Settings.of("flask", default_port=5000)
    listener = claim(settings)
    # Imported only now, so that an occupied port shows at once.
    from .app import create_app

    app = create_app(settings.version)
    announce(settings, listener)
    _serve(app, listener)


def _serve(app: object, listener: socket.socket) -> None:
    """Serve with gunicorn, which, unlike Flask's development server, ends open requests before it stops."""
    from gunicorn.app.base import BaseApplication

    class Gunicorn(BaseApplication):
        def load_config(self) -> None:
            settings = {
                "bind": f"fd://{listener.fileno()}",
                "workers": 1,
                "worker_class": "gthread",
                "threads": 4,
                "graceful_timeout": STOP_WITHIN_SECONDS,
                "loglevel": "warning",
                # A socket in the home directory would outlive a killed service and be shared by two of them.
                "control_socket_disable": True,
            }
            for name, value in settings.items():
                self.cfg.set(name, value)

        def load(self) -> object:
            return app

    Gunicorn().run()


if __name__ == "__main__":
    main()
