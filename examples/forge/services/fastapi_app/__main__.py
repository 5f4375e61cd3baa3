"""Start the Quantum Conduit: `python -m fastapi_app`."""

from forge_runtime import Settings, claim, serve_asgi


def main() -> None:
    settings = Settings.of("fastapi", default_port=8000)
    listener = claim(settings)
    # Imported only now, so that an occupied port shows at once.
    from .app import create_app

    serve_asgi(create_app(settings.version), settings, listener)


if __name__ == "__main__":
    main()
