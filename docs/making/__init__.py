"""The pages of the reference, each made from a part of the code."""
