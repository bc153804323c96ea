"""The users API: a Django service whose only neighbour is its database."""
