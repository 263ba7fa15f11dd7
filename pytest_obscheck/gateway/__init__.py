"""The way to a member that already runs somewhere else: read-only, with the TLS and the credentials that it asks for."""
