"""The page of the Truth Mirror. What the mirror sees lives in `mirror`."""

import gradio
from fastapi import FastAPI

from . import mirror

EXAMPLE = "Deploys always succeed. Perhaps this one was never measured."


def create_app(version: str) -> FastAPI:
    """Return the application of one release, with Gradio's page at `/`.

    Gradio has no /health: that `/` is answered is what there is to probe. It is mounted rather than
    launched, for `launch()` asks the network before it serves and knows no orderly stop.
    """
    with gradio.Blocks(title="Gradio Truth Mirror", analytics_enabled=False) as page:
        gradio.Markdown(f"# Truth Mirror\nShows a text how surely it speaks. Release {version}.")
        text = gradio.Textbox(EXAMPLE, label="Text", lines=4, max_length=mirror.MAX_TEXT)
        look = gradio.Button("Look", variant="primary")
        verdict = gradio.Textbox(label="Verdict")
        mirrored = gradio.Textbox(label="Mirrored")
        findings = gradio.JSON(label="Findings")
        look.click(_reflect, text, [verdict, mirrored, findings], api_name="reflect")

    app = FastAPI(title="Gradio Truth Mirror", version=version, docs_url=None, redoc_url=None, openapi_url=None)
    # Fonts of the reader's system: Gradio's own themes fetch theirs from the network.
    theme = gradio.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    return gradio.mount_gradio_app(app, page, path="/", theme=theme, ssr_mode=False, show_error=False)


def _reflect(text: str) -> tuple[str, str, dict[str, object]]:
    seen = mirror.reflect(text)
    return seen.verdict, seen.mirrored, seen.findings()
