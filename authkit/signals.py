"""Signals, sent once the change is committed. No argument ever holds a credential.

`login_opened`   sender: Login class; `login`: the Login row.
`login_ended`    sender: Login class; `login_id`: UUID, `user_id`: the person's key, `reason`: an EndReason value.
`logins_ended`   sender: Login class; `user_id`: the person's key, or None for everybody; `count`: int, how many
                 live logins there were; `reason`: an EndReason value; `method`, `before`: a datetime, `kind`: a
                 LoginKind value: if not None, only logins of this method, begun before, of this kind were ended.
`token_rotated`  sender: Login class; `login_id`, `user_id`, `generation`: int, the new one.
`token_reused`   sender: Login class; `login_id`, `user_id`, `generation`: int, the one that was presented again.
                 The login has been ended; `login_ended` is sent as well.
`token_blacklisted`  sender: BlacklistedToken class; `jti`: str, `kind`: a TokenKind value, `user_id`: the owner's
                 key or None, `login_id`: UUID or None, `reason`: an EndReason value, `by_id`: the key of who did it,
                 or None. If a login ended with it, `login_ended` is sent as well. Not sent by an import.
"""

from __future__ import annotations

from django.dispatch import Signal

login_opened = Signal()
login_ended = Signal()
logins_ended = Signal()
token_rotated = Signal()
token_reused = Signal()
token_blacklisted = Signal()
