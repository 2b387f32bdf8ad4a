"""`python -m medsettle.cli.doomed`: a server that kills itself at a named step.

`medsettle torture` starts it ahead of time, and tells it in one line of JSON on its standard input
what to serve and where to die; see `medsettle.torture.named_steps`.
"""

import json
import sys

from medsettle.cli import main, serving
from medsettle.torture.named_steps import arm

if __name__ == "__main__":
    assert serving, "imported ahead of time, for gRPC loads slowly"
    told = json.loads(sys.stdin.readline())
    arm(told["step"], told["count"])
    sys.argv = ["medsettle", *told["arguments"]]
    main()
