"""The program behind the component ``shipper``: follows log files and pushes their lines. See ``__main__``."""
