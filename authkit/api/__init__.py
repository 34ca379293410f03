"""JSON doors that serve every kind of login alike: who am I, my logins, sign out here or everywhere."""
