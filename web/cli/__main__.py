"""`python -m web.cli` is `wangge`."""

from web.cli import main

main(prog_name="wangge")
