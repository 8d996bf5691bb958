"""Launcher for a checkout: ``python cli.py X`` is ``kgzsl X``."""

from kgzsl.cli import main

if __name__ == "__main__":
    main()
