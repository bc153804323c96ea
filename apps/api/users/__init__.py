"""Users: the model, the views, and what goes over the wire between them."""
