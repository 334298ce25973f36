"""Settings of decoding in processes of its own."""

import dataclasses

from dfdetect_jax.config.rules import within


@dataclasses.dataclass(frozen=True, kw_only=True)
class Isolation:
    """Limits of a process that decodes media.

    Attributes:
        seconds: within which the next frame, or a photograph, has to come.
        memory: gigabytes that the process may take, beside its libraries; kept by Linux alone.
    """

    seconds: float = 60.0
    memory: float = 4.0


def check_isolation(isolation: Isolation) -> Isolation:
    """Returns `isolation` if each value is allowed.

    Raises:
        SettingsError: one line with the setting, what is allowed and what was found.
    """
    within("isolation.seconds", isolation.seconds, 0.1, 86_400)
    within("isolation.memory", isolation.memory, 0.5, 1024)
    return isolation
