"""The client: writes jobs over the standard library's `sqlite3`, and reads where they stand. Opens the store on first use."""
