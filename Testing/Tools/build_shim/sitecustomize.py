"""On PYTHONPATH only while PyRadiomics 3.0.1 is built: Python 3.12 removed two names its setup.py calls."""

import configparser

if not hasattr(configparser, "SafeConfigParser"):
    setattr(configparser, "SafeConfigParser", configparser.ConfigParser)  # noqa: B010
    setattr(configparser.ConfigParser, "readfp", configparser.ConfigParser.read_file)  # noqa: B010
