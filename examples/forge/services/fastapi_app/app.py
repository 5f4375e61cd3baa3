"""The routes of the Quantum Conduit. How π is computed lives in `pi`, what healthy means in `health`."""

import logging
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query
from fastapi.responses import JSONResponse

from . import health, pi

log = logging.getLogger(__name__)


def create_app(version: str) -> FastAPI:
    """Return the application of one release."""
    # The documentation pages of FastAPI load scripts from elsewhere; /openapi.json needs nobody.
    app = FastAPI(title="FastAPI Quantum Conduit", version=version, docs_url=None, redoc_url=None)

    @app.get("/")
    def index() -> dict[str, object]:
        """Name the service and where to go."""
        return {
            "name": app.title,
            "version": version,
            "links": {"pi": "/pi?start=0&count=50", "health": "/health", "openapi": "/openapi.json"},
        }

    @app.get("/pi")
    def decimals(
        start: Annotated[int, Query(ge=0)] = 0,
        count: Annotated[int, Query(ge=1)] = 50,
    ) -> dict[str, object]:
        """Answer `count` decimals of π from position `start`; position 0 is the first after the point."""
        if start + count > pi.MAX_DECIMALS:
            raise HTTPException(422, f"start + count must not exceed {pi.MAX_DECIMALS}")
        return {"start": start, "count": count, "decimals": pi.decimals(start, count)}

    @app.get("/health")
    def healthy() -> JSONResponse:
        """Answer 200 when the self-check passes, 500 when it does not."""
        body = {"status": "healthy", "service": "fastapi", "version": version}
        try:
            health.self_check()
        except Exception as fault:  # Whatever the check raises is the reason; the traceback is for the log alone.
            log.exception("self-check failed")
            return JSONResponse({**body, "status": "unhealthy", "reason": type(fault).__name__}, 500)
        return JSONResponse(body)

    return app
