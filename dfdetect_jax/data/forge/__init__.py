"""The embedded data set: parametric faces, and forgeries of them with exact masks."""

from dfdetect_jax.data.forge.build import Unit, render_unit, units
from dfdetect_jax.data.forge.operators import FORGERIES
from dfdetect_jax.data.forge.pair import forgeries_of
from dfdetect_jax.data.forge.photos import Photo, forge_photo, photos

__all__ = ["FORGERIES", "Photo", "Unit", "forge_photo", "forgeries_of", "photos", "render_unit", "units"]
