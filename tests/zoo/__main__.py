"""`python -m tests.zoo [NETWORK ...]`: the exactness table."""

import sys

from tests.zoo.exactness import main

sys.exit(main(sys.argv[1:]))
