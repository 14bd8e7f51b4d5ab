"""What a visitor has and waits for: the table, the choices, the address, work in the background."""
