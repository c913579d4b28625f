"""What schemathesis does not know by itself: a question of OCSP is sent like any other octets."""

import schemathesis

schemathesis.serializer.alias("application/ocsp-request", "application/octet-stream")
