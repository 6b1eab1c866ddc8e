import sys

from workaday._child.main import main

sys.exit(main())
