"""From the rows to the cause: which cohorts of training rows carry a gap, and what happens without them."""
