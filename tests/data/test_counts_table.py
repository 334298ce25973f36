import io

import rich.console

from dfdetect_jax.data.counts_table import counts_table, report_lines


def report(number, *words):
    return {"clip": f"c{number:02d}", "split": "train", "asked": 32, "got": 30, "words": words}


def test_remarks_about_many_clips_are_counted_by_kind_whatever_their_numbers():
    reports = [report(i, f"no face in {i} of 32 frames") for i in range(1, 21)] + [
        report(i, "no mask") for i in range(5)
    ]
    assert list(report_lines(reports)) == [
        "such as: no face in 1 of 32 frames: 20 clips (c01, c02, c03, ...)",
        "no mask: 5 clips (c00, c01, c02, ...)",
    ]


def test_clips_without_remarks_have_no_lines():
    assert list(report_lines([report(1)])) == []


def test_names_of_files_are_shown_as_they_are_and_on_one_line():
    console = rich.console.Console(file=io.StringIO(), width=120)
    clip = {**report(1, "no mask"), "clip": "swap/Interview [dqw4w9] :smile:\nb"}
    console.print(*report_lines([clip]), counts_table("", {"train": {"[swap]": {"clips": 1}}}))
    printed = console.file.getvalue()
    assert "swap/Interview [dqw4w9] :smile:\\nb" in printed
    assert "[swap]" in printed
