"""Real images as plain arrays, split once and for all.

Read after norm_triton.
Used from notebook 00 on.

`digits` and `photos` are there at once. `mnist`, `fashion_mnist`, `cifar10` and `images` read files that you have put
into a folder, packed or not; what is in them is verified, and nothing is downloaded. Images are float64, 8 bytes a
pixel, which makes MNIST 440 MB (its 60,000 training images alone 376 MB) and CIFAR-10 1.5 GB, and training makes
copies. `limit` keeps a part before anything becomes float64; the experiments of this course want one to a few
thousand images.

    x_train, y_train, *_ = data.mnist("where/the/files/are", limit=2000)
"""

from .bundled import digits as digits
from .bundled import photos as photos
from .own import images as images
from .parts import Data as Data
from .parts import fingerprint as fingerprint
from .published import cifar10 as cifar10
from .published import fashion_mnist as fashion_mnist
from .published import mnist as mnist
