"""The report of an evaluation as one HTML file that needs nothing else: `write_page`."""

from dfdetect_jax.evaluation.page.contents import Evaluation, ExampleView, RunResult
from dfdetect_jax.evaluation.page.render import render, write_page

__all__ = ["Evaluation", "ExampleView", "RunResult", "render", "write_page"]
