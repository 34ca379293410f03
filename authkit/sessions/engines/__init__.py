"""Where a session's data lies: the seam behind `authkit.sessions.store`, chosen by SESSIONS.ENGINE at each use.

database    a row in Django's table
cached      the same row, which is the truth, and in front of it an entry in Redis
redis       Redis alone
"""
