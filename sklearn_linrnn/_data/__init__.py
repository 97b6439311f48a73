"""The one door: data of every shape that users have, as the internal form."""
