from __future__ import annotations

from authkit.oauth.client_secrets import digest_of, is_secret, new_secret


def test_secret_is_known_by_its_digest_alone() -> None:
    secret = new_secret()
    assert is_secret(secret, digest=digest_of(secret))
    assert not is_secret(f"{secret} ", digest=digest_of(secret))
    assert secret not in digest_of(secret)
    assert str(secret) not in repr(secret)


def test_attack_client_without_a_secret_has_none_that_fits() -> None:
    assert not is_secret("", digest="")
    assert not is_secret("\ud800", digest=digest_of("x"))
