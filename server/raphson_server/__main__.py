"""``python -m raphson_server``: the same as the command ``raphson``."""

from raphson_server.cli import main

if __name__ == "__main__":
    main(prog_name="raphson")
