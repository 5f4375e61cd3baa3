"""Start the Truth Mirror: `python -m gradio_app`."""

from forge_runtime import Settings, claim, serve_asgi


def main() -> None:
    settings = Settings.of("gradio", default_port=7860)
    listener = claim(settings)
    # Imported only now: Gradio takes seconds to load, an occupied port shows at once.
    from .app import create_app

    serve_asgi(create_app(settings.version), settings, listener)


if __name__ == "__main__":
    main()
