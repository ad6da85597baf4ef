"""What holds for every test and for the kernels in which nbval runs the lessons."""

import os

os.environ["TQDM_DISABLE"] = "1"  # nobody watches: no progress bars, no sliders (see helpers.explorer)
