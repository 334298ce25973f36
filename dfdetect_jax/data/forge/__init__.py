"""The embedded data set: parametric faces, and forgeries of them with exact masks."""

from dfdetect_jax.data.forge.build import METHODS, Unit, methods_of, render_unit, units

__all__ = ["METHODS", "Unit", "methods_of", "render_unit", "units"]
