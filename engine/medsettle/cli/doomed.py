"""`python -m medsettle.cli.doomed STEP COUNT serve …`: a server that kills itself at a named step.

`medsettle torture` starts it; see `medsettle.torture.named_steps`.
"""

import sys

from medsettle.cli.app import main
from medsettle.torture.named_steps import arm

if __name__ == "__main__":
    step, count, *arguments = sys.argv[1:]
    arm(step, int(count))
    sys.argv = ["medsettle", *arguments]
    main()
