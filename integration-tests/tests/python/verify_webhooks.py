"""Verifies webhooks with Standard Webhooks' own library.

Reads a JSON list of {"secret", "headers", "body"} and prints a list with "verified" or what the
library says for each.
"""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def verify(webhook):
    try:
        Webhook(webhook["secret"]).verify(webhook["body"], webhook["headers"])
    except WebhookVerificationError as error:
        return str(error)
    return "verified"


json.dump([verify(webhook) for webhook in json.load(sys.stdin)], sys.stdout)
