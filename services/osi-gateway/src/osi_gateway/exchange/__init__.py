"""The state's data exchange as its documentation describes it: FIT-Connect v2 and the routing service."""
