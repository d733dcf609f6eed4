"""What the authority gets: data, attachments and the metadata that describe them."""
