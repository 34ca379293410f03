"""Sign-in through other parties: the only room that imports social_core and social_django."""
