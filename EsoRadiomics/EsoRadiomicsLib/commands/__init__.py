"""The subcommands of ``esoradiomics``: each module has ``add_parser(subparsers)`` and runs one task."""
