"""Transfer to a task that was not there: a head (and, if asked, more) on the champion's trunk, which stays as it is."""
