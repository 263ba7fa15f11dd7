"""The program behind the component ``sentry``: takes what Sentry's SDKs send. See ``__main__``."""
