"""The page to paint masks on: a canvas of its own inside Gradio, since Gradio's editor rescales what is painted."""

import json
from typing import TYPE_CHECKING

from dfdetect_jax.pages import server
from dfdetect_jax.pages.annotation import Annotation, Message

if TYPE_CHECKING:
    import gradio as gr

TITLE = "Paint what was forged"


def build_page(annotation: Annotation, annotator: str = "") -> "gr.Blocks":
    """The page of a queue.

    Args:
        annotation: the queue.
        annotator: name that is filled in; "" to ask for it.
    """
    import gradio

    def open(message: Message) -> Message:
        return annotation.open(message)

    def answer(message: Message) -> Message:
        return annotation.answer(message)

    with server.blocks(TITLE) as page:
        gradio.HTML(f"<h1 style='font-size: 24px; margin: 0'>{TITLE}</h1>")
        gradio.HTML(
            json.dumps({"annotator": annotator}),
            html_template=server.template("annotate.html"),
            css_template=server.template("annotate.css"),
            js_on_load=server.template("annotate.js"),
            apply_default_css=False,
            server_functions=[open, answer],
        )
    return page
