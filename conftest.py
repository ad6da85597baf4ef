"""What holds for every test and for the kernels in which nbval runs the lessons."""

import os
import tempfile

from helpers import clean

_profile = tempfile.TemporaryDirectory(prefix="course-")  # goes when the tests have ended
_environment = clean.kernel(_profile.name)
for _name in os.environ.keys() - _environment.keys():
    del os.environ[_name]
os.environ.update(_environment)
os.environ["TQDM_DISABLE"] = "1"  # nobody watches: no progress bars, no sliders (see helpers.figures.sliders)
