"""The calendar of one office, a document for each day."""
