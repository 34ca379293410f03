"""Signals, sent once the change is committed. No argument ever holds a credential.

`login_opened`   sender: Login class; `login`: the Login row; `door`: the id of the door by which the person came, "" if
                 none is known.
`login_ended`    sender: Login class; `login_id`: UUID, `user_id`: the person's key, `reason`: an EndReason value.
`logins_ended`   sender: Login class; `user_id`: the person's key, or None for everybody; `count`: int, how many
                 live logins there were; `reason`: an EndReason value; `method`, `before`: a datetime, `kind`: a
                 kind of login: if not None, only logins of this method, begun before, of this kind were ended;
                 `crowd`: True where `crowd_ended` was sent for the same ending, else left out.
`crowd_ended`    sender: Login class; `user_ids`: a collection of people's keys, `reason`: an EndReason value. Sent once
                 for each batch of people whose logins were all ended, before `logins_ended` for each of them: for
                 receivers that can deal with several hundred people at once.
`token_rotated`  sender: Login class; `login_id`, `user_id`, `generation`: int, the new one.
`token_reused`   sender: Login class; `login_id`, `user_id`, `generation`: int, the one that was presented again.
                 The login has been ended; `login_ended` is sent as well.
`token_suspected`  sender: Login class; `login_id`, `user_id`, `generation`: int, the login's; `retries`: int, in how
                 many generations running a refresh token came once more after the time in which parallel requests do:
                 3, 6, 9, … The login goes on: that is a thief, or a client that can't keep the tokens that it gets.
`token_blacklisted`  sender: BlacklistedToken class; `jti`: str, `kind`: a TokenKind value, `user_id`: the owner's
                 key or None, `login_id`: UUID or None, `reason`: an EndReason value, `by_id`: the key of who did it,
                 or None. If a login ended with it, `login_ended` is sent as well. Not sent by an import, nor for a row
                 that refuses all of a person's simplejwt tokens after `crowd_ended`.
`account_linked`    sender: UserSocialAuth class; `link_id`: the link's key, `user_id`, `provider`: its id, `how`:
                 "signup" (a new account), "request" (the person asked for it) or "address" (SOCIAL.EMAIL_VERIFIED).
`account_unlinked`  sender: UserSocialAuth class; `link_id`, `user_id`, `provider`. Sent when a person disconnects an
                 account, not when a row is deleted in another way.
"""

from __future__ import annotations

from django.dispatch import Signal

login_opened = Signal()
login_ended = Signal()
logins_ended = Signal()
crowd_ended = Signal()
token_rotated = Signal()
token_reused = Signal()
token_suspected = Signal()
token_blacklisted = Signal()
account_linked = Signal()
account_unlinked = Signal()
