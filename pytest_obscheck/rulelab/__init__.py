"""Rules on the bench: read, played against the real engine, and compared with what they became."""
