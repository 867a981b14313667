"""What every pilot needs around its program: what its people ask and report, and what is learnt from it."""
