"""Where the holders of accounts can be reached: a read model of identity's contacts."""
