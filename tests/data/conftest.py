import pytest

from dfdetect_jax.data import records
from tests.data.drawn import SIZE, write_records


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """22 training examples (11 real), 9 of validation, 13 of test."""
    root = tmp_path_factory.mktemp("data_dir")
    return write_records(root / "drawn" / f"{SIZE}px" / records.VERSION, {"train": 22, "val": 9, "test": 13})
