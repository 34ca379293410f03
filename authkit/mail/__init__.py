"""The outbox: what is to be sent is a row, written with what it tells of, and sent outside of the request.

A mail server that answers slowly must not hold up an answer, because its time would tell whether a person exists. That
holds for the next request on the same connection too, so nothing is sent in the worker of a request, not even after
its answer.
"""
