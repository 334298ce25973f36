"""Fuzzing: sound files of every kind, changed at random, must be read or refused in one line.

    python -m tests.fuzz --minutes 10 [--targets images clips ...] [--files 10000] [--json FILE]
    python -m tests.fuzz --targets images --first 4711 --files 1     one file again

Minutes are for each target. Exit status 1 where anything else came of a file; see "defects" in the JSON.
"""

import argparse
import json
import sys
from pathlib import Path

from tests.fuzz import campaign
from tests.fuzz.targets import TARGETS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", nargs="+", choices=tuple(TARGETS), default=tuple(TARGETS))
    parser.add_argument("--minutes", type=float, default=10.0, help="of each target")
    parser.add_argument("--files", type=int, default=0, help="of each target at most; 0 for any number")
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--slowest", type=float, default=20.0, help="seconds after which a reader counts as hanging")
    parser.add_argument("--json", help="file for the results")
    args = parser.parse_args()
    results = []
    for target in args.targets:
        limits = {"seconds": 60 * args.minutes, "count": args.files, "first": args.first, "slowest": args.slowest}
        results.append(campaign.run(target, **limits))
        print(json.dumps({name: value for name, value in results[-1].items() if name != "defects"}), flush=True)
        for defect in results[-1]["defects"]:
            print(
                f"  file {defect['number']} ({defect.get('seed')}), {defect['outcome']}:\n{defect['words']}", flush=True
            )
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=1) + "\n")
    return int(any(result["defects"] for result in results))


if __name__ == "__main__":
    sys.exit(main())
