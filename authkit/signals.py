"""Signals, sent once the change is committed. No argument ever holds a credential.

`login_opened`   sender: Login class; `login`: the Login row; `door`: the id of the door (the view at which the person
                 signed in), "" if none is known.
`login_reauthenticated`  sender: Login class; `login_id`: UUID, `user_id`: the person's key, `method`: how the person
                 has shown once more who they are, `door`: the id of the door, `amr`: str, RFC 8176's words for it.
`login_ended`    sender: Login class; `login_id`: UUID, `user_id`: the person's key, `reason`: an EndReason value.
`logins_ended`   sender: Login class; `user_id`: the person's key, or None for all people; `count`: int, how many
                 live logins there were; `reason`: an EndReason value; `method`, `before`: a datetime, `kind`: a
                 kind of login. Where one of these three is not None, only logins of this method, from before this
                 time, or of this kind were ended. `crowd`: True if `crowd_ended` was sent for the same ending, else
                 left out.
`crowd_ended`    sender: Login class; `user_ids`: a collection of people's keys, `reason`: an EndReason value. Sent once
                 for each batch of several hundred people whose logins were all ended, before `logins_ended` for
                 each of them: for receivers that treat a batch faster than one person after the other.
`logins_disowned`  sender: Login class; `user_id`, `count`: int, how many live logins there were. A person followed the
                 link of a mail and said "this was not me". `logins_ended` is sent as well.
`token_rotated`  sender: Login class; `login_id`, `user_id`, `generation`: int, the new one.
`token_reused`   sender: Login class; `login_id`, `user_id`, `generation`: int, the one that was presented again.
                 The login has been ended; `login_ended` is sent as well.
`token_suspected`  sender: Login class; `login_id`, `user_id`, `generation`: int, the login's; `retries`: int, after how
                 many refreshes in a row the old token was sent once more, later than parallel requests would be: 3, 6,
                 9, … The cause is a thief, or a client that does not keep the tokens that it gets. The login goes on.
`token_blacklisted`  sender: BlacklistedToken class; `jti`: str, `kind`: a TokenKind value, `user_id`: the owner's
                 key or None, `login_id`: UUID or None, `reason`: an EndReason value, `by_id`: the key of the person
                 who did it, or None. If a login ended with it, `login_ended` is sent as well. Not sent by an import,
                 nor for a row that refuses all of a person's simplejwt tokens after `crowd_ended`.
`password_known_breached`  sender: Login class; `login_id`: of the login that the password opened, `user_id`. Sent some
                 seconds after a sign-in with a password that is known from a breach, if LOGIN.BREACHED_FILE or
                 LOGIN.BREACHED_RANGES is set. The login goes on.
`login_failed`   sender: AttemptBudget class; `door`: the id of a door, `user_id`: the key of the person who has the
                 name that was typed, or None, `client`: a `Client`. A password, a code or a token was wrong.
`login_throttled`  sender: AttemptBudget class; `door`, `client`, `scope`: "name", "network" and the like, `locked`:
                 bool, `seconds`: int, until the next try. A try was refused before it was checked.
`login_locked`   sender: AttemptBudget class; `door`, `scope`, `user_id` or None, `client`, `failures`: int, `seconds`:
                 int. A failure has locked a name, a network or a device.
`login_cleared`  sender: AttemptBudget class; `door`, `user_id`, `client`, `failures`: int, at least 1. A success after
                 so many failures of this person in a row.
`login_unlocked`  sender: AttemptBudget class; `scope`: "name", "network", "person" or "everything", `user_id` or None,
                 `by_id`: the key of the person who did it, or None, `count`: int, how many budgets were cleared.
`device_added`   sender: KnownDevice class; `device_id`: UUID, `user_id`: the person's key, `login_id`: UUID of the
                 login by which it became known, `label`: such as "Firefox on Linux" or "", `ip`: str or None.
`stuffing_suspected`  sender: AttemptBudget class; `scope`: "site" or "network", `network`: an address, of IPv6 a
                 network, or "" for the site, `failures`: int, in the current minute at the site, or in 10 minutes from
                 the network, `names`: int, about how many names these had; 0 for the site.
`account_linked`    sender: UserSocialAuth class; `link_id`: the link's key, `user_id`, `provider`: its id, `how`:
                 "signup" (a new account), "request" (the person asked for it) or "address" (SOCIAL.EMAIL_VERIFIED).
`account_unlinked`  sender: UserSocialAuth class; `link_id`, `user_id`, `provider`. Sent when a person disconnects an
                 account, not when a row is deleted in another way.
`email_changed`   sender: the user model; `user_id`, `previous`: the address until now, `undone`: bool, whether the
                 old mailbox has taken a change back. Sent for changes by authkit's own calls and pages.
`account_deleted`   sender: Deletion class; `user_id`: the person's key, `purge_at`: a datetime. A person has
                 deleted their account, which is inactive now; `logins_ended` is sent as well.
`account_restored`  sender: Deletion class; `user_id`. A deletion was taken back, and the account is active again.
`account_purged`    sender: the user model; `user_id`. The row of a person whose deletion was due is gone.
`password_changed`  sender: Login class; `user_id`, `login_id`: UUID of the login that stays, or None, `first`: bool,
                 whether there was no password before, `client`: a `Client`. `logins_ended` is sent as well.
`password_reset`  sender: Login class; `user_id`, `client`: a `Client`. A person chose a new password by the link of a
                 mail. `logins_ended` is sent as well.
`password_demanded`  sender: Login class; `user_id`, `reason`: "admin" or "breached", `by_id`: the key of the person
                 who demanded it, or None, `login_id`: UUID of the login that is restricted from now on, or None.
`account_registered`  sender: the user model; `user_id`, `verified`: bool, whether the person proved their address
                 first, `client`: a `Client`. For people who register; social sign-up sends `account_linked`.
`email_verified`  sender: VerifiedAddress class; `user_id`. The person has proven the address that they have now.
`invitation_sent`  sender: Invitation class; `invitation_id`: UUID, `by_id`: the key of the person who invited, or None.
`invitation_accepted`  sender: Invitation class; `invitation_id`: UUID, `user_id`: of the account that was opened.
`key_created`     sender: ApiKey class; `user_id`: of the owner, `login_id`: UUID of the API key's login, `prefix`: the
                 beginning of its text, `scopes`: with blanks between them, `by_id`: the person who made it, or None.
`key_rotated`     sender: ApiKey class; `user_id`, `login_id`, `prefix`: of the old key, `successor_id`: UUID of the
                 new one's login, `overlap`: seconds for which the old one goes on.
`key_revoked`     sender: ApiKey class; `user_id`, `login_id`, `prefix`, `by_id`. `login_ended` is sent as well.
`key_leaked`      sender: ApiKey class; `user_id`, `login_id`, `prefix`, `url`: where it was found, or "".
"""

from __future__ import annotations

from django.dispatch import Signal

login_opened = Signal()
login_reauthenticated = Signal()
login_ended = Signal()
logins_ended = Signal()
crowd_ended = Signal()
logins_disowned = Signal()
token_rotated = Signal()
token_reused = Signal()
token_suspected = Signal()
token_blacklisted = Signal()
password_known_breached = Signal()
login_failed = Signal()
login_throttled = Signal()
login_locked = Signal()
login_cleared = Signal()
login_unlocked = Signal()
device_added = Signal()
stuffing_suspected = Signal()
account_linked = Signal()
account_unlinked = Signal()
email_changed = Signal()
account_deleted = Signal()
account_restored = Signal()
account_purged = Signal()
password_changed = Signal()
password_reset = Signal()
password_demanded = Signal()
account_registered = Signal()
email_verified = Signal()
invitation_sent = Signal()
invitation_accepted = Signal()
key_created = Signal()
key_rotated = Signal()
key_revoked = Signal()
key_leaked = Signal()
