"""What the server writes down: a line for each transaction, and the forms that lines have."""
