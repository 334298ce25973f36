"""A process that reads mutated files of one target, and says after each what came of it."""

import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

from dfdetect_jax.errors import InputError
from tests.fuzz.targets import TARGETS

READ, REFUSED, DEFECT = "read", "refused", "defect"
_LONGEST_LINE = 4000  # characters of an error


def outcome(target: str, path: Path) -> dict[str, Any]:
    """What comes of reading a file: {"outcome": ..., "words": ...}."""
    try:
        TARGETS[target].read(path)
    except InputError as error:
        line = str(error)
        if "\n" in line or len(line) > _LONGEST_LINE:
            return {"outcome": DEFECT, "words": f"not one line of at most {_LONGEST_LINE} characters: {line[:300]!r}"}
        return {"outcome": REFUSED, "words": line}
    except Exception as error:
        return {"outcome": DEFECT, "words": "".join(traceback.format_exception(error))}
    return {"outcome": READ, "words": ""}


def main() -> None:
    """Arguments: target, folder, first number, megabytes of memory. Ends when standard input does."""
    target, folder, first, megabytes = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    seeds = TARGETS[target].make(folder)
    contents = [path.read_bytes() for path in seeds]
    for path in seeds:
        found = outcome(target, path)
        assert found["outcome"] == READ, f"{path} was made to be read: {found['words']}"
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 2**20,) * 2)
    print(json.dumps({"ready": len(seeds), "MB": resident()}), file=answers)
    for number, _ in enumerate(sys.stdin, first):
        generator = np.random.default_rng([number, list(TARGETS).index(target)])
        chosen = int(generator.integers(0, len(seeds)))
        path = TARGETS[target].place(folder, seeds[chosen])
        path.write_bytes(TARGETS[target].mutate(contents[chosen], contents, generator))
        start = time.monotonic()
        found = outcome(target, path)
        seconds = time.monotonic() - start
        name = seeds[chosen].name
        print(json.dumps({"number": number, "seed": name, "seconds": seconds, "MB": resident(), **found}), file=answers)
        seeds[chosen].write_bytes(contents[chosen])


def resident() -> float:
    """Peak memory of this process, MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
