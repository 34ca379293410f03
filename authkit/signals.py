"""Signals, sent once the change is committed. No argument ever holds a credential.

`login_opened`   sender: Login class; `login`: the Login row.
`login_ended`    sender: Login class; `login_id`: UUID, `user_id`: the person's key, `reason`: an EndReason value.
`logins_ended`   sender: Login class; `user_id`: the person's key, or None for everybody; `count`: int, how many
                 live logins there were; `reason`: an EndReason value.
`token_rotated`  sender: Login class; `login_id`, `user_id`, `generation`: int, the new one.
`token_reused`   sender: Login class; `login_id`, `user_id`, `generation`: int, the one that was presented again.
                 The login has been ended; `login_ended` is sent as well.
"""

from __future__ import annotations

from django.dispatch import Signal

login_opened = Signal()
login_ended = Signal()
logins_ended = Signal()
token_rotated = Signal()
token_reused = Signal()
