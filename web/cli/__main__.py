"""`python -m web.cli` is `wangge`."""

from web.cli import main

if __name__ == "__main__":
    main(prog_name="wangge")
