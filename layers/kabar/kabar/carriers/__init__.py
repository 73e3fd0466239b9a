"""SMS carriers: one module each, in one fixed order, over plain HTTP requests and answers."""
