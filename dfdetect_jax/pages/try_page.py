"""The page to try a detector on a photograph or clip."""

from typing import TYPE_CHECKING, Any

from dfdetect_jax.pages import server
from dfdetect_jax.pages.re_encoding import QUALITIES, SIZES
from dfdetect_jax.pages.security import FILES
from dfdetect_jax.pages.trial import Trial

if TYPE_CHECKING:
    import gradio as gr

TITLE = "Is this face real?"
ROUTES = FILES
_INTRODUCTION = (
    "Drop a photograph or a short clip. A detector looks at every face in it and says how much it looks like the fakes "
    "that it was trained on. The file stays on this computer and is deleted afterwards."
)
_HOLD = (
    "Messengers and web sites make pictures smaller and save them again. A verdict that changes when you do the same "
    "is one to be careful with."
)


def build_page(trial: Trial) -> "gr.Blocks":
    """The page of a detector."""
    import gradio

    with server.blocks(TITLE) as page:
        gradio.HTML(f'<div class="answer"><h1>{TITLE}</h1><p>{_INTRODUCTION}</p></div>', apply_default_css=False)
        file = gradio.File(label="Photograph or clip", type="filepath", height=140, elem_id="file")
        answer = gradio.HTML("", elem_id="answer", apply_default_css=False)
        attempts = gradio.State(())
        with gradio.Column(visible=False) as hold:
            gradio.HTML(
                f'<div class="answer"><h2>Does the verdict hold?</h2><p>{_HOLD}</p></div>', apply_default_css=False
            )
            with gradio.Row():
                quality = gradio.Slider(*QUALITIES, value=75, step=5, label="JPEG quality", elem_id="quality")
                size = gradio.Slider(*SIZES, value=100, step=5, label="Size, % of each side", elem_id="size")
            again = gradio.Button("Save it like this and look again", variant="primary", elem_id="again")
            held = gradio.HTML("", elem_id="held", apply_default_css=False)
        _connect(trial, file, answer, hold, (quality, size, again), held, attempts)
    return page


def _connect(
    trial: Trial, file: Any, answer: Any, hold: Any, controls: tuple[Any, Any, Any], held: Any, attempts: Any
) -> None:
    import gradio

    quality, size, again = controls

    def judge(path: str | None) -> tuple[str, Any, str, tuple[str, ...]]:
        if path is None:
            return "", gradio.Column(visible=False), "", ()
        shown = trial.judge(path)
        return shown.html, gradio.Column(visible=shown.photograph), "", ()

    def re_encode(
        path: str | None, quality: float, size: float, before: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        if path is None:
            return "", ()
        return trial.judge_re_encoded(path, round(quality), round(size), tuple(before))

    options = {"api_visibility": "private", "concurrency_limit": 1, "concurrency_id": "detector"}
    file.change(judge, file, [answer, hold, held, attempts], **options)
    for event in (quality.release, size.release, again.click):
        event(re_encode, [file, quality, size, attempts], [held, attempts], **options)
