"""Gradio Truth Mirror: shows a text what it says, how surely, and how it looks backwards."""

import os

# Before Gradio is imported, which reads these once: the forge tells nobody that it was started.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
