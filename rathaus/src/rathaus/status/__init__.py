"""``rathaus status``: what an operator must see at a glance, from readiness, broker and databases."""
