"""The shell command ``esoradiomics``: a module a subcommand, with ``add_parser(subparsers)``, that runs one task."""
