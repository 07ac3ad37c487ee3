"""Who may ask what: one policy per Request, one audit sink fed by the run record."""
