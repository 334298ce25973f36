"""Deepfake detection and localisation in JAX.

Import what you need from its module; nothing is pulled in here, so that a loss or a layer costs no I/O library:

    from dfdetect_jax import methods# build(settings) -> init, train_step, predict
    from dfdetect_jax.config import CAESettings, LAESettings
    from dfdetect_jax.losses import reconstruction_mse
    from dfdetect_jax.run.folder import open_run# a trained detector, ready to call
"""

__version__ = "0.1.0"
