"""Messages to citizens: mail and inbox."""
