"""`respx.__version__`: the version of respx whose API this is."""

__version__ = "0.23.1"
