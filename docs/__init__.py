"""The documents, and what makes a part of them."""
