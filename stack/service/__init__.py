"""An example of a well-instrumented service: ``python -m service`` sells, ``python -m service.payments`` collects the money."""
