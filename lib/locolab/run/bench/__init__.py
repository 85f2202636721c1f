"""`locolab bench`: how fast the parts are on this machine; one module a part, one line each in `registry`."""
