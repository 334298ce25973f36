"""Draws the pictures of the documentation: `python docs/make_pictures.py --run runs/cae`, the first tutorial's run.

verdict.jpg    a rendered forgery through `predict`
queue.jpg      a forged crop beside its mask, as annotators paint it
report.png     the top of the run's report, where Chromium is installed; else the old one stays
lae_study.png  the study's curves, from benchmarks/results, smaller
"""

import argparse
import dataclasses
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import dfdetect_jax as dfd
from dfdetect_jax.config import Crop
from dfdetect_jax.data.example import Example
from dfdetect_jax.data.forge import Unit, render_unit
from dfdetect_jax.pictures.verdict_picture import picture_of

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "pictures"
CROP = Crop(size=208, margin=2.9)  # faces as large as in the tutorial's crops, with surroundings for the face detector
PORTRAIT = 12  # of the embedded test split; chosen for its mask, which can be seen
WIDEST = 800  # pixels


def forgery(portrait: int = PORTRAIT, crop: Crop = CROP) -> Example:
    """The fake of one portrait of the embedded test split, whose people no tutorial trains on."""
    unit = Unit(seed=0, split="test", first=portrait, portraits=1, identities=200)
    _, fake = render_unit(unit, crop)
    return fake


def verdict(run: str, example: Example) -> np.ndarray:
    """The picture that `predict` draws of it: uint8 [H, W, 3]."""
    result = dfd.load(run).predict(example.image, maps=True)
    return picture_of(dataclasses.replace(result, path=f"{example.forgery}.png"))


def queue_row(example: Example) -> np.ndarray:
    """The crop and its mask side by side: uint8 [H, 2 W + gap, 3]."""
    gap = np.full((example.image.shape[0], 8, 3), 255, np.uint8)
    return np.concatenate([example.image, gap, example.mask[..., None].repeat(3, axis=-1)], axis=1)


def folded(strip: Image.Image) -> Image.Image:
    """The halves of a strip of curves, one below the other, each with the numbers of the axis that they share."""
    axis, middle, height = 56, 1351, strip.height  # pixels, left of the ticks of the first plot and of the fourth
    sheet = Image.new("RGB", (axis + strip.width - middle, 2 * height), "white")
    sheet.paste(strip.crop((0, 0, middle - 10, height)), (0, 0))
    sheet.paste(strip.crop((0, 0, axis, height)), (0, height))
    sheet.paste(strip.crop((middle, 0, strip.width, height)), (axis, height))
    return sheet


def screenshot(page: Path) -> Image.Image | None:
    """The top of an HTML page, by Chromium; None where it isn't installed."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "page.png"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1100,900"]
        subprocess.run([browser, *flags, f"--screenshot={picture}", page.as_uri()], check=True, capture_output=True)
        return Image.open(picture).convert("RGB")


def write(name: str, picture: Image.Image) -> None:
    """Writes a picture, at most `WIDEST` pixels wide; a PNG with a palette."""
    if picture.width > WIDEST:
        picture = picture.resize((WIDEST, round(picture.height * WIDEST / picture.width)), Image.Resampling.LANCZOS)
    if name.endswith(".png"):
        picture = picture.quantize(256, dither=Image.Dither.NONE)
    picture.save(PICTURES / name, optimize=True, quality=85)
    print(f"{(PICTURES / name).stat().st_size:>8,}  {name}")


def main() -> None:
    """Draws all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="run folder of configs/cae.py")
    run = parser.parse_args().run
    PICTURES.mkdir(exist_ok=True)
    write("verdict.jpg", Image.fromarray(verdict(run, forgery())))
    write("queue.jpg", Image.fromarray(queue_row(forgery(crop=Crop(size=192)))))
    write("lae_study.png", folded(Image.open(ROOT / "benchmarks" / "results" / "lae_study.png").convert("RGB")))
    report = screenshot((Path(run) / "report" / "report.html").resolve())
    if report is not None:
        write("report.png", report)


if __name__ == "__main__":
    main()
