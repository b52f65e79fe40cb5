"""All families of cases, by name. Entry point: FAMILIES."""

import families_elementwise
import families_images
import families_index
import families_layers
import families_ml
import families_quantized
import families_shapes
from draw import FAMILIES

MODULES = (families_elementwise, families_images, families_index, families_layers, families_ml,
           families_quantized, families_shapes)  # fmt: skip
__all__ = ["FAMILIES"]
