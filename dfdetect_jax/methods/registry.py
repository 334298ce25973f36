"""The methods by name, and the registration of methods from outside the package.

A method is a subclass of `config.Settings`, whose `method` is its name, and a function that builds it from them:

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class MySettings(Settings):
        method: str = "mine"
        ...

    def build(settings: MySettings, weights: Weights = NO_WEIGHTS) -> Method: ...

    register(MySettings, build)

In the package that is `methods/<name>.py`, with the settings in `config/<name>.py`. Outside it is any module that calls
`register` on import; an installed package declares it as an entry point of the group "dfdetect_jax.methods", so that
`predict` and `evaluate` open its runs. A name that isn't registered yet imports the modules of both kinds. A run folder
never names a module to import.
"""

import importlib
import importlib.metadata
import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dfdetect_jax.config import Settings, check, from_dict, one_of
from dfdetect_jax.methods.contract import Method

ENTRY_POINTS = "dfdetect_jax.methods"
Weights = Mapping[str, Any]
NO_WEIGHTS: Weights = {}


class Registered(NamedTuple):
    """A method's settings and the function that builds it.

    Attributes:
        settings: the class.
        build: (settings, weights) -> Method; weights by network, as `Settings.required_weights` lists them, are only
            needed for training.
    """

    settings: type[Settings]
    build: Callable[..., Method]


_registered: dict[str, Registered] = {}


def register(settings: type[Settings], build: Callable[..., Method]) -> None:
    """Adds a method under the default of its settings' `method`.

    Raises:
        ValueError: another method has that name.
    """
    name = from_dict(settings, {}).method
    known = _registered.setdefault(name, Registered(settings, build))
    if known.settings.__qualname__ != settings.__qualname__:
        raise ValueError(f"expected a method of a new name, found a second {name!r}")
    _registered[name] = Registered(settings, build)


def names() -> tuple[str, ...]:
    """All methods: of this package, of installed packages, and those registered by modules imported so far."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"{__package__}.{module.name}")
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        point.load()
    return tuple(sorted(_registered))


def find(name: str) -> Registered:
    """A method by its name.

    Raises:
        SettingsError: there is no such method; the nearest name is suggested.
    """
    if name not in _registered:
        one_of("method", name, names())
    return _registered[name]


def defaults(name: str) -> Settings:
    """The default settings of a method.

    Raises:
        SettingsError: there is no such method.
    """
    return from_dict(find(name).settings, {})


def build(settings: Settings, weights: Weights = NO_WEIGHTS) -> Method:
    """The method that `settings.method` names, with everything in `settings` bound.

    Args:
        settings: checked settings.
        weights: published weights by network, as `settings.required_weights` lists them; only needed for training.

    Raises:
        SettingsError: there is no such method.
    """
    return find(settings.method).build(settings, weights)


def read_settings(values: Mapping[str, Any]) -> Settings:
    """The settings of a run from nested dicts, as read from JSON; `values["method"]` names the method.

    Raises:
        SettingsError: a name is unknown, a value is not allowed, or has the wrong type.
    """
    return check(from_dict(find(str(values.get("method", ""))).settings, values))
