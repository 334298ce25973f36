"""The embedded data set: parametric faces, and forgeries of them with exact masks."""

from dfdetect_jax.data.forge.operators import FORGERIES
from dfdetect_jax.data.forge.pair import forgeries_of
from dfdetect_jax.data.forge.photos import Photo, forge_photo, plan_photos
from dfdetect_jax.data.forge.units import Unit, plan_units, render_unit

__all__ = ["FORGERIES", "Photo", "Unit", "forge_photo", "forgeries_of", "plan_photos", "plan_units", "render_unit"]
