"""Our PostgreSQL backend for Django: `DATABASES` names this package, in which Django looks for `base`."""
