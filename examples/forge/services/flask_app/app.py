"""The routes of the Glyph Weaver. How a glyph is woven lives in `glyph`, what healthy means in `health`."""

from flask import Flask, Response, jsonify, render_template, request

from . import glyph, health

DEFAULT_TEXT = "Quantum Pi Forge"


def create_app(version: str) -> Flask:
    """Return the application of one release."""
    app = Flask(__name__)

    @app.get("/")
    def loom() -> str:
        """Show the glyph of a text and a form to weave another."""
        return render_template("loom.html", text=_text(), limit=glyph.MAX_TEXT, version=version)

    @app.get("/glyph.svg")
    def woven() -> Response:
        """Answer the glyph of `text` as an SVG image of `size` pixels."""
        return Response(glyph.weave(_text(), _size()), mimetype="image/svg+xml")

    @app.get("/health")
    def healthy() -> tuple[Response, int]:
        """Answer 200 when the self-check passes, 500 when it does not."""
        body = {"status": "healthy", "service": "flask", "version": version}
        try:
            health.self_check()
        except Exception as fault:  # Whatever the check raises is the reason; the traceback is for the log alone.
            app.logger.exception("self-check failed")
            return jsonify({**body, "status": "unhealthy", "reason": type(fault).__name__}), 500
        return jsonify(body), 200

    @app.errorhandler(glyph.Unweavable)
    def unweavable(fault: glyph.Unweavable) -> tuple[Response, int]:
        return jsonify(error=str(fault)), 400

    return app


def _text() -> str:
    return request.args.get("text", DEFAULT_TEXT)


def _size() -> int:
    text = request.args.get("size", "320")
    try:
        return int(text)
    except ValueError:
        raise glyph.Unweavable(f"expected a size in pixels, got {text!r}") from None
