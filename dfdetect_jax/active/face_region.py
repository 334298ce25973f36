"""The region of the face in a crop: one ellipse for all crops, since they are aligned.

In units of d, the distance between the pupils, an average adult's face reaches from 1.0 d above the line of the eyes
(the hairline) to 1.9 d below it (the chin), and 1.1 d to either side of the middle (the cheekbones). Rounded from adult
norms: hairline to nasion about 65 mm, nasion to chin 118 mm, across the cheekbones 134 mm (Farkas et al., International
Anthropometric Study of Facial Morphology, 2005), between the pupils 63 mm (Gordon et al., ANSUR II, 2012).
"""

import numpy as np

from dfdetect_jax.media.crop import template

ABOVE, BELOW, BESIDE = 1.0, 1.9, 1.1  # of the distance between the pupils, from the middle of the eyes


def face_region(size: int, margin: float) -> np.ndarray:
    """The ellipse that an aligned crop's face fills.

    In crops that are cut by box and not by landmarks the face is at about the same place, less exactly.

    Args:
        size: side of the crop, pixels.
        margin: `Crop.margin`, side of the crop over the side of the tight face.

    Returns:
        bool [size, size], True in the face.
    """
    left_eye, right_eye = template(size, margin)[:2]
    unit = np.linalg.norm(right_eye - left_eye)
    x, y = (left_eye + right_eye) / 2 + (0, (BELOW - ABOVE) / 2 * unit)
    rows, columns = np.mgrid[:size, :size]
    across, down = (columns - x) / (BESIDE * unit), (rows - y) / ((ABOVE + BELOW) / 2 * unit)
    return across**2 + down**2 <= 1
