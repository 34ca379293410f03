"""The mail about a sign-in from an unknown device, and the forgetting of devices after "this was not me"."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import router, transaction

from authkit.core.hidden import traced
from authkit.core.transactions import raise_if_lost
from authkit.events import register_recorder
from authkit.logins.events import LoginsDisowned
from authkit.logins.models import Login
from authkit.logins.services import Prepare
from authkit.mail.notices import new_devices_are_told, tell_of_new_device
from authkit.signin.attempts import Attempt
from authkit.signin.device_values import DeviceOfSignIn
from authkit.signin.devices import forget_devices

logger = logging.getLogger("authkit")


def connect() -> None:
    """Registers the recorder. Safe to call twice."""
    register_recorder(forget_after_not_me, names=(LoginsDisowned.name,))


def forget_after_not_me(event: Any) -> None:
    """A stranger's device must not stay known: it would have a budget of its own to guess with."""
    forget_devices(user_id=event.user_id)


class NewDeviceNotice:
    """Queues the mail in the transaction of the login, once it is known whether the device was.

    Args:
        attempt: the sign-in.
        device: the device, if it is remembered.
    """

    def __init__(self, attempt: Attempt, device: DeviceOfSignIn | None) -> None:
        self._attempt = attempt
        self._device = device
        self._login: Login | None = None

    def prepare(self, then: Prepare, user: AbstractBaseUser, login: Login) -> None:
        """Takes the login, which is not written yet, and goes on with the carrier's preparation."""
        self._login = login
        then(user, login)

    def tell(self, then: Callable[[], None] | None) -> None:
        """Goes on with the attempt's `along`, and queues the mail after it. A failure is logged and undoes nothing.

        Raises:
            OperationalError, InterfaceError, InternalError, DatabaseUnavailable: the transaction is lost.
        """
        if then is not None:
            then()
        if self._login is None or (self._device is not None and self._device.was_known):
            return
        using = router.db_for_write(Login)
        try:
            with transaction.atomic(using=using):
                tell_of_new_device(user=self._attempt.user, login=self._login)
        except Exception as error:  # noqa: BLE001  # a mail must not stop a sign-in
            logger.error("the owner of login %s could not be told of it: %s", self._login.pk, traced(error))
            raise_if_lost(error, using=using)


def notice_of(attempt: Attempt, device: DeviceOfSignIn | None) -> NewDeviceNotice | None:
    """The notice of this sign-in; None where no mail is wanted, and for a login to which no person signed in now."""
    if attempt.origin is not None or attempt.login_id is not None or attempt.began_at is not None:
        return None
    return NewDeviceNotice(attempt, device) if new_devices_are_told() else None
