"""How each kind of test vector of the chain's own suite is checked; `frame` says how to add one."""
