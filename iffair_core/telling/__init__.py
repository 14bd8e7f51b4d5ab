"""Results become sentences, tables, pictures, files and a report."""
