import numpy as np
import pytest
import skimage.data
from sklearn.datasets import load_sample_image

from dfdetect_jax.media.detectors import load_face_detector


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """A photograph of one person, 512 x 512."""
    return skimage.data.astronaut()


@pytest.fixture(scope="session")
def temple() -> np.ndarray:
    """A photograph without a face, 427 x 640."""
    return load_sample_image("china.jpg").copy()


@pytest.fixture(scope="session")
def mtcnn():
    return load_face_detector("mtcnn")
