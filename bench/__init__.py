"""The scoreboard: what our services cost a request, beside honest peers on the same data. `make bench` runs it."""
