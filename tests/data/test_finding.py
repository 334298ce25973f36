from dfdetect_jax.data.finding import (
    Finding,
    Severity,
    Subject,
    at_least,
    example_of,
    in_report_order,
    name_list,
    quantity,
    severity_counts,
)


def finding(severity, subject=Subject.TREE, words="words"):
    return Finding(subject, severity, words)


NOTE, WARNING, ERROR = (finding(severity) for severity in Severity)


def test_severities_rise_from_notes_to_errors():
    assert at_least([NOTE, ERROR, WARNING], Severity.NOTE) == [NOTE, ERROR, WARNING]
    assert at_least([NOTE, ERROR, WARNING], Severity.WARNING) == [ERROR, WARNING]
    assert at_least([NOTE, ERROR, WARNING], Severity.ERROR) == [ERROR]


def test_a_report_goes_by_subject_then_severity():
    files = finding(Severity.NOTE, Subject.FILES)
    records = finding(Severity.ERROR, Subject.RECORDS)
    assert in_report_order([records, NOTE, ERROR, files, WARNING]) == [files, ERROR, WARNING, NOTE, records]


def test_findings_are_counted_from_errors_to_notes():
    assert severity_counts([NOTE, ERROR, NOTE]) == "1 error, 2 notes"
    assert severity_counts([]) == ""


def test_wording_of_counts_and_names():
    assert [quantity(count, "clips") for count in (0, 1, 2000)] == ["0 clips", "1 clip", "2,000 clips"]
    assert example_of(["a"]) == "a"
    assert example_of(["a", "b"]) == "such as a"
    assert name_list(list("abc")) == "a, b, c (3)"
    assert name_list(list("abcdefg")) == "a, b, c, d, e, ... (7)"


def test_words_are_one_line_whatever_the_names_of_files_in_them():
    assert finding(Severity.NOTE, words="left out: a\nb, caf\udce9").words == r"left out: a\nb, caf\udce9"
